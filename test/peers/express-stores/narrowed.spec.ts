import { MemoryStore, type SessionData } from 'express-session';
import { SessionService, type AtomicSessionStore, type Session } from 'nestjs-token-session';
import { expressStore, type ExpressStore } from 'nestjs-token-session/express-session';
import { closeApps, startApp } from '../../support/app.js';
import { Barrier } from '../../support/barrier.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { Browser, closePeers, startMoved, startPeer, type Shop } from '../../support/express-move.js';
import { until } from '../../support/redis/until.js';

const sessionsOf = (store: MemoryStore): Record<string, string> =>
  (store as unknown as { sessions: Record<string, string> }).sessions;

afterEach(async () => {
  await closeApps();
  await closePeers();
});

describe('what express-session’s stores can’t give is narrowed within a process', () => {
  it('law 6, R58: what a slow request of express-session brings back after a logout here is not seen, and removed', async () => {
    const store = new MemoryStore();
    const barrier = new Barrier();
    const peer = await startPeer(store, {}, barrier);
    const { url: ours } = await startMoved(store);
    const [browser, slow] = [new Browser(), new Browser()];
    await browser.ask(peer, '/login', { id: 'ada' });
    slow.cookie = browser.cookie;
    const id = browser.rawId as string;
    const answer = slow.ask(peer, '/slow', {});
    await barrier.arrived;
    await browser.ask(ours, '/logout', {});
    expect(sessionsOf(store)).not.toHaveProperty(id);
    barrier.open();
    await answer;
    expect(sessionsOf(store)).toHaveProperty(id);
    expect(await slow.user(ours)).toBeNull();
    await until('it is removed again', () => !(id in sessionsOf(store)));
    expect(await slow.user(peer)).toBeNull();
  });

  it.each([true, false])(
    'law 6, R58: a write that takes effect after the logout is not seen (rawIds: %s)',
    async (rawIds) => {
      const kept = new Map<string, string>();
      let late: (() => void) | undefined;
      const store: ExpressStore = {
        get: (sid, done) => setImmediate(() => done(null, kept.has(sid) ? JSON.parse(kept.get(sid) as string) : null)),
        set: (sid, session, done) => {
          const text = JSON.stringify(session);
          if (!text.includes('late')) kept.set(sid, text);
          else late = () => kept.set(sid, text);
          setImmediate(done);
        },
        destroy: (sid, done) => setImmediate(done, null, kept.delete(sid)),
      };
      const app = rawIds
        ? await startMoved(store as never)
        : await startApp('express', {
            controllers: [CounterController],
            session: { store: expressStore(store), storeTimeout: '1s' },
          });
      const service = app.get(SessionService);
      const { token } = await begin(app, rawIds);
      const session = (await service.load<Shop>(token)) as Session<Shop>;
      session['late'] = 1;
      await session.save();
      expect(await service.load(token)).toBeDefined();
      await ((await service.load(token)) as Session).destroy();
      expect(kept.size).toBe(0);
      late?.();
      expect(kept.size).toBe(1);
      expect(await service.load(token)).toBeUndefined();
      await until('it is removed again', () => kept.size === 0);
    },
  );

  it('law 5: parallel requests that change different keys all survive', async () => {
    const store = new MemoryStore();
    const app = await startMoved(store);
    const browser = new Browser();
    await browser.ask(app.url, '/set', { first: 0 });
    const { cookie } = browser;
    const keys = Array.from({ length: 20 }, (_, number) => `k${String(number)}`);
    await Promise.all(
      keys.map((key) => {
        const one = new Browser();
        one.cookie = cookie;
        return one.ask(app.url, '/set', { [key]: 1 });
      }),
    );
    expect(Object.keys(await browser.data(app.url)).sort()).toEqual([...keys, 'first'].sort());
  });

  it('ASVS 7.2.4: what is noted of a user is of one session: a copy of all data in another one does not sign in', async () => {
    const store = new MemoryStore();
    const peer = await startPeer(store);
    const moved = await startMoved(store);
    const service = moved.get(SessionService);
    const browser = new Browser();
    await browser.ask(moved.url, '/set', { cart: 1 });
    const ada = await service.login((await service.load<Shop>(browser.rawId as string)) as Session<Shop>, 'ada');
    const adas = service.info(ada).token as string;
    // keepSessionInfo of Passport does that at a login, to another session and user.
    const { cookie: _cookie, ...data } = JSON.parse(sessionsOf(store)[adas] as string) as SessionData;
    const other = new Browser();
    await other.ask(peer, '/set', data);
    expect(sessionsOf(store)[other.rawId as string]).toContain('"userId":"ada"');
    expect(await other.user(moved.url)).toBeNull();
    await other.ask(peer, '/login', { id: 'bob' });
    expect(await other.user(moved.url)).toBe('bob');
  });
});

describe('stores that answer in other ways', () => {
  const ID = 'A'.repeat(43);
  const record = () => ({
    ...{ payload: '1\n{"a":1}', version: '1', startedAt: Date.now(), usedAt: Date.now() },
    ...{ idleTimeout: 60_000, absoluteTimeout: 60_000 },
  });

  const FORMS: Record<string, (kept: Map<string, object>) => ExpressStore> = {
    'promises only': (kept) => ({
      get: async (sid: string) => Promise.resolve(kept.get(sid)),
      set: async (sid: string, session: object) => void kept.set(sid, session),
      destroy: async (sid: string) => void kept.delete(sid),
    }),
    'async methods that call back later': (kept) => ({
      get: async (sid, done) => void setImmediate(done, null, kept.get(sid)),
      set: async (sid, session, done) => void setImmediate(done, null, kept.set(sid, session)),
      destroy: async (sid, done) => void setImmediate(done, null, kept.delete(sid)),
    }),
    'ENOENT for what is missing': (kept) => ({
      get: (sid, done) =>
        done(kept.has(sid) ? null : Object.assign(new Error('gone'), { code: 'ENOENT' }), kept.get(sid)),
      set: (sid, session, done) => done(null, kept.set(sid, session)),
      destroy: (sid, done) => done(kept.delete(sid) ? null : Object.assign(new Error('gone'), { code: 'ENOENT' })),
    }),
  };

  it.each(Object.entries(FORMS))('%s', async (_form, make) => {
    const store: AtomicSessionStore = expressStore(make(new Map()), { rawIds: true });
    expect(await store.load(ID)).toBeUndefined();
    expect(await store.destroy(ID)).toBeUndefined();
    const one = record();
    expect(await store.create(ID, one)).toBe(true);
    expect(await store.load(ID)).toEqual(one);
    expect(await store.touch(ID, { ...one, usedAt: Date.now() })).toBe(true);
    expect(await store.update(ID, { ...one, version: '2' }, '1')).toEqual({ status: 'updated' });
    expect(await store.destroy(ID)).toMatchObject({ version: '2' });
    expect(await store.load(ID)).toBeUndefined();
  });

  it('law 4: ENOENT for a write is a fault: the folder of the sessions is gone', async () => {
    const store: AtomicSessionStore = expressStore(
      {
        get: (_sid, done) => done(),
        set: (_sid, _session, done) => done(Object.assign(new Error('no folder'), { code: 'ENOENT' })),
        destroy: (_sid, done) => done(),
      },
      { rawIds: true },
    );
    await expect(store.create(ID, record())).rejects.toThrow('no folder');
  });
});

async function begin(app: { url: string }, rawIds: boolean): Promise<{ token: string }> {
  if (!rawIds) return { token: (await call(app.url, '/views', { method: 'POST' })).token as string };
  const browser = new Browser();
  await browser.ask(app.url, '/set', { a: 1 });
  return { token: browser.rawId as string };
}
