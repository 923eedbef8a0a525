import { Controller, Get } from '@nestjs/common';
import { MemoryStore, Session } from 'nestjs-token-session';
import { begin, nextClose } from '../support/aborts.js';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

let finish: Barrier;

@Controller()
class CountController {
  @Get('count') count(@Session() session: Session<{ views: number }>) {
    session.views = (session.views ?? 0) + 1;
    return { views: session.views };
  }

  @Get('count-later') async countLater(@Session() session: Session<{ views: number }>) {
    session.views = (session.views ?? 0) + 1;
    await finish.pass();
    return { views: session.views };
  }
}

/** A store that notes when it is closed. */
class ClosingStore extends ProbedStore {
  constructor(readonly log: string[]) {
    super(new MemoryStore());
  }

  close(): void {
    this.log.push('store closed');
  }
}

describe.each(PLATFORMS)('L93: app.close() on %s', (platform) => {
  let log: string[];
  let store: ClosingStore;

  beforeEach(() => {
    finish = new Barrier();
    log = [];
    store = new ClosingStore(log);
  });
  afterEach(closeApps);

  it('waits for saves in flight: they are answered, and only then the store is closed', async () => {
    const running = await startApp(platform, { controllers: [CountController], session: { store } });
    const storing = new Barrier();
    store.before = async (operation) => {
      if (operation !== 'create') return;
      await storing.pass();
      log.push('stored');
    };
    const answering = call(running.url, '/count');
    await storing.arrived;
    const closing = running.close().then(() => log.push('closed'));
    // A turn of everything that could close too early.
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([]);
    storing.open();
    const answer = await answering;
    await closing;
    expect(answer.json()).toEqual({ views: 1 });
    expect(answer.token).toMatch(/^[\w-]{43}$/);
    expect(log).toEqual(['stored', 'store closed', 'closed']);
  });

  it('waits for the save of a request whose client has left, too', async () => {
    const running = await startApp(platform, { controllers: [CountController], session: { store } });
    const { token } = await call(running.url, '/count');
    const storing = new Barrier();
    store.before = async (operation) => {
      if (operation !== 'update') return;
      await storing.pass();
      log.push('stored');
    };
    const gone = nextClose(running);
    const sent = begin(running.url, '/count', token);
    await storing.arrived;
    sent.destroy();
    await gone;
    const closing = running.close().then(() => log.push('closed'));
    // HTTP has nothing left to wait for: what still waits is the session layer.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    storing.open();
    await closing;
    expect(log).toEqual(['stored', 'store closed', 'closed']);
  });

  it('is bounded: a store that never answers holds it for storeTimeout at most', async () => {
    const session = { store, storeTimeout: 30 };
    const running = await startApp(platform, { controllers: [CountController], session });
    const storing = new Barrier();
    store.before = (operation) => (operation === 'create' ? storing.pass() : undefined);
    const answering = call(running.url, '/count');
    await storing.arrived;
    const closing = running.close();
    const answer = await answering;
    await closing;
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'OUTCOME_UNKNOWN' }]);
    expect(log).toEqual(['store closed']);
  });

  it('waits for handlers that still run, and stores what they changed', async () => {
    const running = await startApp(platform, { controllers: [CountController], session: { store } });
    const answering = call(running.url, '/count-later');
    await finish.arrived;
    const closing = running.close();
    finish.open();
    const answer = await answering;
    await closing;
    expect([answer.status, answer.json()]).toEqual([200, { views: 1 }]);
    expect(store.calls).toEqual(['create']);
    expect(log).toEqual(['store closed']);
  });
});
