import { Controller, Get, Param, Post } from '@nestjs/common';
import {
  MemoryStore,
  Session,
  SessionService,
  type AtomicSessionStore,
  type SessionRecord,
  type UpdateResult,
} from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

/** Where requests wait with their session loaded, until the test lets them write. */
let loaded: Barrier;

@Controller()
class DataController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data')
  data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('put/:key/:value')
  put(@Session() sess: Session<Data>, @Param() { key, value }: { key: string; value: string }): void {
    sess[key] = value;
  }

  @Post('slow-put/:key/:value')
  async slowPut(
    @Session() sess: Session<Data>,
    @Param() { key, value }: { key: string; value: string },
  ): Promise<void> {
    sess[key] = value;
    await loaded.pass();
  }

  @Post('slow-delete/:key')
  async slowDelete(@Session() sess: Session<Data>, @Param('key') key: string): Promise<void> {
    Reflect.deleteProperty(sess, key);
    await loaded.pass();
  }

  @Post('slow-nested/:key/:value')
  async slowNested(@Session() sess: Session<Data>, @Param() { key, value }: { key: string; value: string }) {
    sess['nested'] = { ...(sess['nested'] as Data), [key]: value };
    await loaded.pass();
  }

  @Post('increment')
  async increment(@Session() sess: Session<{ count: number }>): Promise<void> {
    await this.sessions.update(sess, (draft) => {
      draft.count = (draft.count ?? 0) + 1;
    });
  }

  @Post('slow-increment')
  async slowIncrement(@Session() sess: Session<{ count: number }>): Promise<void> {
    await loaded.pass();
    await this.increment(sess);
  }
}

async function signIn(url: string): Promise<string> {
  return (await call(url, '/put/start/1', { method: 'POST' })).token as string;
}

async function dataOf(url: string, token: string): Promise<Data> {
  return (await call(url, '/data', { token })).json() as Data;
}

/** Starts requests that all load the session before any of them writes. */
async function atOnce(url: string, token: string, paths: string[]): Promise<Answer[]> {
  loaded = new Barrier(paths.length);
  const answers = paths.map((path) => call(url, path, { method: 'POST', token }));
  await loaded.arrived;
  loaded.open();
  return Promise.all(answers);
}

const numbers = Array.from({ length: 50 }, (_, index) => String(index));

afterEach(closeApps);

describe.each(PLATFORMS)('lost updates on %s', (platform) => {
  describe.each(Object.entries(STORES))('%s', (_name, createStore) => {
    let url: string;
    let token: string;

    beforeEach(async () => {
      ({ url } = await startApp(platform, { controllers: [DataController], session: { store: createStore() } }));
      token = await signIn(url);
    });

    it('law 5, R62: 50 parallel requests that change different keys all survive', async () => {
      const answers = await atOnce(
        url,
        token,
        numbers.map((number) => `/slow-put/key${number}/${number}`),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      const wanted = Object.fromEntries(numbers.map((number) => [`key${number}`, number]));
      expect(await dataOf(url, token)).toEqual({ start: '1', ...wanted });
    });

    it('law 5: 50 parallel increments in update() count 50', async () => {
      const answers = await atOnce(
        url,
        token,
        numbers.map(() => '/slow-increment'),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      expect(await dataOf(url, token)).toEqual({ start: '1', count: 50 });
    });
  });

  /** One slow request, and what others store between its load and its commit. */
  async function overtake(slow: string, others: string[], before: string[] = []): Promise<Data> {
    const { url } = await startApp(platform, { controllers: [DataController] });
    const token = await signIn(url);
    for (const path of before) await call(url, path, { method: 'POST', token });
    loaded = new Barrier();
    const answer = call(url, slow, { method: 'POST', token });
    await loaded.arrived;
    for (const path of others) expect((await call(url, path, { method: 'POST', token })).status).toBe(201);
    loaded.open();
    expect((await answer).status).toBe(201);
    return dataOf(url, token);
  }

  it('law 5: on one key the later commit wins', async () => {
    expect(await overtake('/slow-put/a/mine', ['/put/a/theirs', '/put/b/theirs'])).toEqual({
      start: '1',
      a: 'mine',
      b: 'theirs',
    });
  });

  it('law 5: a deletion is re-applied, and theirs stays', async () => {
    const data = await overtake('/slow-delete/a', ['/put/a/theirs', '/put/b/theirs'], ['/put/a/1']);
    expect(data).toEqual({ start: '1', b: 'theirs' });
  });

  it('law 5: a key that this request did not touch is not written back', async () => {
    expect(await overtake('/slow-put/a/mine', ['/put/start/2'])).toEqual({ start: '2', a: 'mine' });
  });

  it('law 5: values are never merged below the top level', async () => {
    const data = await overtake('/slow-nested/x/mine', ['/put/nested/theirs', '/put/b/theirs']);
    expect(data).toEqual({ start: '1', nested: { x: 'mine' }, b: 'theirs' });
  });

  it('law 12: a conflict is an event', async () => {
    const running = await startApp(platform, { controllers: [DataController] });
    const token = await signIn(running.url);
    const events = collectEvents(running);
    await atOnce(running.url, token, ['/slow-put/a/1', '/slow-put/b/1']);
    expect(events.map(({ type }) => type)).toEqual(['update_conflict']);
  });
});

/** A driver that sends a command again because its first reply was lost: the store sees it twice. */
class ResendingStore extends ProbedStore {
  override async create(id: string, record: SessionRecord): Promise<boolean> {
    await super.create(id, record);
    return super.create(id, record);
  }

  override async update(id: string, record: SessionRecord, expectedVersion: string): Promise<UpdateResult> {
    await super.update(id, record, expectedVersion);
    return super.update(id, record, expectedVersion);
  }
}

/** A store in which the first ids that are tried belong to another session already. */
class TakenIdStore extends ProbedStore {
  readonly taken = new Map<string, SessionRecord>();

  constructor(
    inner: AtomicSessionStore,
    private readonly howMany: number,
  ) {
    super(inner);
  }

  override async create(id: string, record: SessionRecord): Promise<boolean> {
    if (this.taken.size < this.howMany) {
      const theirs = { ...record, payload: '1\n{"owner":"someone else"}', version: `theirs${String(this.taken.size)}` };
      this.taken.set(id, theirs);
      await this.inner.create(id, theirs);
    }
    return super.create(id, record);
  }
}

describe.each(PLATFORMS)('writes that are sent twice, on %s', (platform) => {
  async function start(store: AtomicSessionStore): Promise<RunningApp> {
    return startApp(platform, { controllers: [DataController], session: { store } });
  }

  it('law 5, F70: an increment whose write is sent again counts once', async () => {
    const { url } = await start(new ResendingStore());
    const token = await signIn(url);
    await call(url, '/increment', { method: 'POST', token });
    await call(url, '/increment', { method: 'POST', token });
    expect(await dataOf(url, token)).toEqual({ start: '1', count: 2 });
  });

  it('law 5: a create that is sent again is ours: one session, its token works', async () => {
    const store = new ResendingStore();
    const { url } = await start(store);
    const token = await signIn(url);
    expect(await dataOf(url, token)).toEqual({ start: '1' });
    expect(store.count()).toBe(1);
  });

  it('ASVS 7.2.3: a new session whose id is taken gets another one; the first session is untouched', async () => {
    const inner = new MemoryStore();
    const store = new TakenIdStore(inner, 1);
    const { url } = await start(store);
    expect(await dataOf(url, await signIn(url))).toEqual({ start: '1' });
    const [[id, theirs]] = [...store.taken] as [[string, SessionRecord]];
    expect(inner.load(id)).toEqual(theirs);
    expect(store.count()).toBe(2);
  });

  it('ASVS 7.2.3: when every id is taken the answer is 503 SESSION_CONFLICT, without a token', async () => {
    const inner = new MemoryStore();
    const store = new TakenIdStore(inner, Infinity);
    const { url } = await start(store);
    const answer = await call(url, '/put/start/1', { method: 'POST' });
    expect([answer.status, answer.token]).toEqual([503, undefined]);
    expect(answer.json()).toMatchObject({ code: 'SESSION_CONFLICT' });
    for (const [id, theirs] of store.taken) expect(inner.load(id)).toEqual(theirs);
  });
});

describe('sessions loaded outside of a request', () => {
  it('law 5: a key set to the value it had counts as set', async () => {
    const running = await startApp('express', { controllers: [DataController] });
    const sessions = running.get(SessionService);
    const token = await signIn(running.url);
    const mine = (await sessions.load<Data>(token)) as Session<Data>;
    const theirs = (await sessions.load<Data>(token)) as Session<Data>;
    mine['start'] = '1';
    mine['other'] = 'mine';
    theirs['start'] = 'theirs';
    await sessions.save(theirs);
    await sessions.save(mine);
    expect(await dataOf(running.url, token)).toEqual({ start: '1', other: 'mine' });
  });

  it('law 5: after a conflict the session in hand shows what others stored', async () => {
    const running = await startApp('express', { controllers: [DataController] });
    const sessions = running.get(SessionService);
    const token = await signIn(running.url);
    const mine = (await sessions.load<Data>(token)) as Session<Data>;
    await call(running.url, '/put/theirs/1', { method: 'POST', token });
    mine['mine'] = '1';
    await sessions.save(mine);
    expect({ ...mine }).toEqual({ start: '1', theirs: '1', mine: '1' });
  });
});
