import { jest } from '@jest/globals';
import { MemoryStore, Store, type SessionData } from 'express-session';
import { SessionService, type Session } from 'nestjs-token-session';
import { closeApps } from '../../support/app.js';
import { Browser, closePeers, startMoved, startPeer, type Shop } from '../../support/express-move.js';
import { closeStores, EXPRESS_STORES } from '../../support/express-stores.js';
import { until } from '../../support/redis/until.js';

const MINUTE = 60_000;
const NOON = Date.parse('2026-01-01T12:00:00Z');

/** Both layers and the store read the same clock, which stands still unless the test moves it. */
function freezeDate(): void {
  jest.useFakeTimers({
    now: NOON,
    doNotFake: [
      ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
    ],
  });
}

const at = (minutes: number): unknown => jest.setSystemTime(NOON + minutes * MINUTE);

/** Three methods, without an expiry of its own. */
class PlainStore extends Store {
  readonly sessions = new Map<string, string>();

  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const text = this.sessions.get(sid);
    setImmediate(callback, null, text === undefined ? null : (JSON.parse(text) as SessionData));
  }

  set(sid: string, session: SessionData, callback?: (error?: unknown) => void): void {
    this.sessions.set(sid, JSON.stringify(session));
    setImmediate(callback ?? (() => undefined));
  }

  destroy(sid: string, callback?: (error?: unknown) => void): void {
    this.sessions.delete(sid);
    setImmediate(callback ?? (() => undefined));
  }
}

/** As connect-redis: a touch moves the expiry of the store, and leaves no trace in the session. */
class ExpiringStore extends PlainStore {
  readonly ends = new Map<string, number>();

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    if ((this.ends.get(sid) ?? 0) <= Date.now()) this.sessions.delete(sid);
    super.get(sid, callback);
  }

  override set(sid: string, session: SessionData, callback?: (error?: unknown) => void): void {
    this.move(sid, session);
    super.set(sid, session, callback);
  }

  override touch(sid: string, session: SessionData, callback?: () => void): void {
    this.move(sid, session);
    setImmediate(callback ?? (() => undefined));
  }

  private move(sid: string, { cookie }: SessionData): void {
    const { expires } = cookie as { expires?: unknown };
    this.ends.set(sid, expires instanceof Date ? expires.valueOf() : Date.now() + 1440 * MINUTE);
  }
}

/** How often each session was written or touched. */
function countWrites(store: Store): { of(id: string): number } {
  const counts = new Map<string, number>();
  for (const method of ['set', 'touch'] as const) {
    const original = store[method]?.bind(store);
    if (original === undefined) continue;
    store[method] = (sid: string, session: SessionData, callback?: (error?: unknown) => void) => {
      original(sid, session, (error?: unknown) => {
        counts.set(sid, (counts.get(sid) ?? 0) + 1);
        callback?.(error);
      });
    };
  }
  return { of: (id) => counts.get(id) ?? 0 };
}

const STORES: Record<string, () => Store> = {
  'express-session MemoryStore': () => new MemoryStore(),
  memorystore: () => EXPRESS_STORES.memorystore().store,
  'a store without touch and expiry': () => new PlainStore(),
  'a store whose touch leaves no trace': () => new ExpiringStore(),
};

afterEach(async () => {
  jest.useRealTimers();
  await closeApps();
  await closePeers();
  closeStores();
});

describe.each(Object.entries(STORES))('law 8, ASVS 7.3.1 on %s', (_name, open) => {
  it('a session written here whose cookie ends with the browser ends when it is idle for too long', async () => {
    freezeDate();
    const store = open();
    const writes = countWrites(store);
    const peer = await startPeer(store, { cookie: {} });
    const { url: ours } = await startMoved(store);
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    await browser.ask(ours, '/set', { a: 1 });
    const id = browser.rawId as string;
    for (const minutes of [20, 45]) {
      const before = writes.of(id);
      at(minutes);
      expect([minutes, await browser.user(ours)]).toEqual([minutes, 'ada']);
      await until('the touch beside the answer is done', () => writes.of(id) > before);
    }
    at(75.1);
    expect(await browser.user(ours)).toBeNull();
    expect(await browser.data(ours)).toEqual({});
  });

  it('so does one that began here, with a lasting cookie or with one that ends with the browser', async () => {
    freezeDate();
    const store = open();
    const moved = await startMoved(store);
    const service = moved.get(SessionService);
    const begun = async (persistent: boolean): Promise<string> => {
      const browser = new Browser();
      await browser.ask(moved.url, '/set', { a: 1 });
      const session = (await service.load<Shop>(browser.rawId as string)) as Session<Shop>;
      return service.info(await service.login(session, 'ada', { persistent })).token as string;
    };
    const tokens = [await begun(true), await begun(false)];
    at(29);
    for (const token of tokens) expect(await service.load(token)).toBeDefined();
    at(60);
    for (const token of tokens) expect(await service.load(token)).toBeUndefined();
    expect(await service.list('ada')).toEqual([]);
  });

  it('a lasting cookie of express-session ends with its time', async () => {
    freezeDate();
    const store = open();
    const peer = await startPeer(store);
    const { url: ours } = await startMoved(store);
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    at(30.1);
    expect(await browser.user(ours)).toBeNull();
  });
});

describe('while both applications serve', () => {
  it.each(['express-session MemoryStore', 'memorystore', 'a store whose touch leaves no trace'] as const)(
    'who uses express-session alone for hours stays signed in here, whether or not the cookie lasts: %s',
    async (name) => {
      for (const cookie of [{}, { maxAge: 30 * MINUTE }]) {
        freezeDate();
        const store = (STORES[name] as () => Store)();
        const peer = await startPeer(store, { cookie });
        const { url: ours } = await startMoved(store);
        const browser = new Browser();
        await browser.ask(peer, '/login', { id: 'ada' });
        await browser.ask(ours, '/set', { a: 1 });
        for (let minutes = 20; minutes <= 200; minutes += 20) {
          at(minutes);
          expect([minutes, await browser.user(peer)]).toEqual([minutes, 'ada']);
          await new Promise((done) => setImmediate(done));
        }
        at(220);
        expect([cookie, await browser.user(ours)]).toEqual([cookie, 'ada']);
        jest.useRealTimers();
      }
    },
  );
});
