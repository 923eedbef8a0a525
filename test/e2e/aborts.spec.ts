import { Controller, Get, Req, Res } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { takeOver, type AnyRequest, type AnyResponse } from '../support/answers.js';
import { begin, nextClose } from '../support/aborts.js';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Views = Session<{ views: number }>;

let reached: Barrier;
let closed: Barrier;
let requests: WeakRef<object>[];
let arrivals: (() => void)[];

@Controller()
class AbortedController {
  @Get('views') views(@Session() session: Views) {
    return { views: session.views };
  }

  @Get('count') count(@Session() session: Views) {
    session.views = (session.views ?? 0) + 1;
    return 'counted';
  }

  @Get('wait') async wait(@Session() session: Views, @Res({ passthrough: true }) response: AnyResponse) {
    session.views = (session.views ?? 0) + 1;
    (response.raw ?? (response as unknown as NodeJS.EventEmitter)).on('close', () => void closed.pass());
    await reached.pass();
    return 'waited';
  }

  @Get('begin-and-wait') async beginAndWait(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = (session.views ?? 0) + 1;
    const raw = takeOver(response);
    raw.on('close', () => void closed.pass());
    raw.write('begun');
    await reached.pass();
    raw.end();
  }

  @Get('never') never(@Session() session: Views, @Req() request: AnyRequest & { raw?: object }) {
    session.views = 1;
    requests.push(new WeakRef(request.raw ?? request), new WeakRef(session));
    arrivals.shift()?.();
    return new Promise(() => undefined);
  }
}

describe.each(PLATFORMS)('aborted requests on %s', (platform) => {
  let store: ProbedStore;
  let running: RunningApp;
  let sessions: SessionService;

  beforeEach(async () => {
    reached = new Barrier();
    closed = new Barrier();
    requests = [];
    arrivals = [];
    store = new ProbedStore();
    running = await startApp(platform, { controllers: [AbortedController], session: { store } });
    sessions = running.get(SessionService);
  });
  afterEach(closeApps);

  const views = async (token: string): Promise<unknown> => (await call(running.url, '/views', { token })).json();

  /** Resolves when the store has done its next update. */
  function nextUpdate(): Promise<void> {
    return new Promise((resolve) => {
      const { update } = store;
      store.update = async (...args) => {
        store.update = update;
        const result = await update.apply(store, args);
        resolve();
        return result;
      };
    });
  }

  it('L85: aborted during the handler: what it changed is stored when it ends', async () => {
    const token = (await call(running.url, '/count')).token as string;
    const updated = nextUpdate();
    const sent = begin(running.url, '/wait', token);
    await reached.arrived;
    sent.destroy();
    await closed.arrived;
    expect(await views(token)).toEqual({ views: 1 });
    reached.open();
    await updated;
    expect(await views(token)).toEqual({ views: 2 });
  });

  it('L85: aborted before the handler ran, while the session was loaded: the handler still counts', async () => {
    const token = (await call(running.url, '/count')).token as string;
    const loading = new Barrier();
    store.before = (operation) => (operation === 'load' ? loading.pass() : undefined);
    const left = nextClose(running);
    const updated = nextUpdate();
    const sent = begin(running.url, '/count', token);
    await loading.arrived;
    sent.destroy();
    await left;
    store.before = undefined;
    loading.open();
    await updated;
    expect(await views(token)).toEqual({ views: 2 });
  });

  it('L85: aborted while the answer is held: the change is stored, the process goes on', async () => {
    const token = (await call(running.url, '/count')).token as string;
    const storing = new Barrier();
    store.before = (operation) => (operation === 'update' ? storing.pass() : undefined);
    const updated = nextUpdate();
    const sent = begin(running.url, '/begin-and-wait', token);
    await storing.arrived;
    sent.destroy();
    await closed.arrived;
    store.before = undefined;
    storing.open();
    await updated;
    reached.open();
    expect(await views(token)).toEqual({ views: 2 });
  });

  it('L85: aborted while the answer is held and the store fails: no crash, and the next request is served', async () => {
    const token = (await call(running.url, '/count')).token as string;
    const storing = new Barrier();
    store.before = async (operation) => {
      if (operation !== 'update') return;
      await storing.pass();
      throw new Error('down');
    };
    const sent = begin(running.url, '/begin-and-wait', token);
    await storing.arrived;
    sent.destroy();
    await closed.arrived;
    storing.open();
    reached.open();
    store.before = undefined;
    expect(await views(token)).toEqual({ views: 1 });
    expect(await sessions.count()).toBe(1);
  });

  it('L86: never-ending handlers whose clients left keep neither request nor session', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let count = 0; count < 20; count++) {
      const arrived = new Promise<void>((resolve) => arrivals.push(resolve));
      const gone = nextClose(running);
      const sent = begin(running.url, '/never');
      await arrived;
      sent.destroy();
      await gone;
    }
    expect(requests).toHaveLength(40);
    const alive = () => requests.filter((reference) => reference.deref() !== undefined).length;
    // The last connection may be held on to by the HTTP parser that is kept for reuse.
    for (let round = 0; alive() > 4 && round < 100; round++) {
      await turn();
      collect();
    }
    expect(alive()).toBeLessThanOrEqual(4);
    expect(store.calls).toEqual([]);
  });
});
