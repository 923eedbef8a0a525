import { Controller, Inject, Post, Req } from '@nestjs/common';
import { MemoryStore, type Store } from 'express-session';
import { cookie, Session, SessionService, type AtomicSessionStore } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { closeApps, startApp } from '../../support/app.js';
import { collectEvents } from '../../support/events.js';
import { Browser, closePeers, SECRET, startMoved, startPeer, type Shop } from '../../support/express-move.js';
import { closeStores, EXPRESS_STORES } from '../../support/express-stores.js';
import { PLATFORMS } from '../../support/platforms.js';
import { until } from '../../support/redis/until.js';

@Controller()
class EverywhereController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('everywhere')
  async everywhere(@Session() sess: Session<Shop>): Promise<number> {
    return this.sessions.destroyAll(sess.passport?.user as string);
  }

  @Post('list')
  async list(@Session() sess: Session<Shop>, @Req() _request: unknown): Promise<unknown> {
    return { id: sess.id, listed: (await this.sessions.list(sess.passport?.user as string)).map(({ id }) => id) };
  }
}

const startEverywhere = (store: Store, platform: (typeof PLATFORMS)[number] = 'express') =>
  startApp(platform, {
    controllers: [EverywhereController],
    session: {
      store: expressStore(store, { rawIds: true }),
      transport: cookie({ name: 'connect.sid', secret: SECRET, secure: false }),
      userIdOf: (data) => (data as Shop).passport?.user,
    },
  });

afterEach(async () => {
  await closeApps();
  await closePeers();
  closeStores();
});

describe.each(PLATFORMS)('users whom express-session signed in, on %s', (platform) => {
  it.each(['express-session MemoryStore', 'memorystore'] as const)(
    'law 6, ASVS 7.4.3: the first request here may sign its user out everywhere, and is signed out itself: %s',
    async (name) => {
      const store = EXPRESS_STORES[name]().store;
      const peer = await startPeer(store);
      const app = await startEverywhere(store, platform);
      const browser = new Browser();
      await browser.ask(peer, '/login', { id: 'ada' });
      const { cookie: sent } = browser;
      expect((await browser.ask(app.url, '/everywhere', {})).json()).toBe(1);
      browser.cookie = sent;
      expect(await browser.user(peer)).toBeNull();
    },
  );

  it('ASVS 7.5.2: the first request here lists its own session', async () => {
    const store = new MemoryStore();
    const peer = await startPeer(store);
    const app = await startEverywhere(store, platform);
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    const { id, listed } = (await browser.ask(app.url, '/list', {})).json() as { id: string; listed: string[] };
    expect(listed).toEqual([id]);
  });
});

describe('a session of express-session that is only read here', () => {
  it('law 6: is noted for its user at once, so that every process finds it', async () => {
    const store = new MemoryStore();
    const peer = await startPeer(store);
    const [one, other] = [await startMoved(store), await startMoved(store)];
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    const id = browser.rawId as string;
    expect(await browser.user(one.url)).toBe('ada');
    const { sessions } = store as unknown as { sessions: Record<string, string> };
    await until('it is written here', () => sessions[id]?.includes('"userId":"ada"') === true);
    expect(await other.get(SessionService).destroyAll('ada')).toBe(1);
    expect(sessions).not.toHaveProperty(id);
    expect(await browser.user(peer)).toBeNull();
  });
});

describe('sessions that were revoked, and not ended, before they are written here', () => {
  const times = () => ({ startedAt: Date.now(), usedAt: Date.now(), idleTimeout: 1e6, absoluteTimeout: 1e7 });

  /** Of a sign-out everywhere that was cut off: the store failed before the sessions were destroyed. */
  async function revoked(store: MemoryStore, ids: string[]): Promise<AtomicSessionStore> {
    const shared: AtomicSessionStore = expressStore(store, { rawIds: true });
    const transport = cookie({ name: 'connect.sid', secret: SECRET });
    shared.attach?.({
      now: Date.now,
      storeTimeout: 500,
      options: {
        ...{ idleTimeout: 1e6, absoluteTimeout: 1e7, touchInterval: 1e5, transports: [transport] },
        userIdOf: (data: object) => (data as Shop).passport?.user,
        codec: { encode: (data: object) => JSON.stringify(data), decode: (text: string) => JSON.parse(text) as object },
      } as never,
      evicted: () => undefined,
      notice: () => undefined,
    });
    const session = { cookie: { originalMaxAge: null }, passport: { user: 'ada' } };
    for (const id of ids) {
      await new Promise((done) => store.set(id, session, done));
      await shared.users?.add('ada', id, 60_000, {});
      await shared.users?.settle('ada', id, 60_000);
    }
    await shared.users?.revoke('ada', { except: undefined });
    return shared;
  }

  const keysOf = (store: MemoryStore): string[] => Object.keys((store as unknown as { sessions: object }).sessions);

  it.each(['touch', 'load'] as const)('law 6: one that finds itself revoked at a %s ends', async (act) => {
    const store = new MemoryStore();
    const shared = await revoked(store, ['AAAA']);
    expect(act === 'touch' ? await shared.touch('AAAA', times()) : await shared.load('AAAA')).toBe(
      act === 'touch' ? false : undefined,
    );
    expect(keysOf(store)).toEqual([]);
    expect(await shared.users?.list('ada')).toEqual([]);
  });

  it('law 6: so does one that finds itself revoked at a write', async () => {
    const store = new MemoryStore();
    const before = expressStore(store, { rawIds: true });
    const shared = await revoked(store, ['AAAA']);
    const record = await before.load('AAAA');
    const next = { ...times(), payload: '1\n{"passport":{"user":"ada"}}', version: '2', userId: 'ada' };
    expect(await shared.update('AAAA', next, record?.version as string)).toEqual({ status: 'missing' });
    expect(keysOf(store)).toEqual([]);
  });

  it('two of them that are touched at a time end each other without waiting for each other', async () => {
    const store = new MemoryStore();
    const shared = await revoked(store, ['AAAA', 'BBBB']);
    const both = await Promise.all(['AAAA', 'BBBB'].map(async (id) => shared.touch(id, times())));
    expect(both).toEqual([false, false]);
    expect(await shared.destroy('AAAA')).toBeUndefined();
    await until('nothing is left of them', () => keysOf(store).length === 0);
  }, 5_000);
});

describe('what express code may see and write', () => {
  it('law 7: nothing under the old id tells the new one, which is the token', async () => {
    const store = new MemoryStore();
    const moved = await startMoved(store);
    const browser = new Browser();
    await browser.ask(moved.url, '/login', { id: 'ada' });
    const old = browser.rawId as string;
    const service = moved.get(SessionService);
    const next = await service.reauthenticate((await service.load(old)) as Session);
    const token = service.info(next).token as string;
    expect(token).toHaveLength(43);
    const { sessions } = store as unknown as { sessions: Record<string, string> };
    expect(sessions[old]).toContain('rotatedTo');
    expect(sessions[old]).not.toContain(token);
  });

  it('law 11: what express-session stored under names that sessions have here stays for it', async () => {
    const store = new MemoryStore();
    const peer = await startPeer(store);
    const moved = await startMoved(store);
    const events = collectEvents(moved);
    const browser = new Browser();
    const data = { isNew: true, maxAge: 7, k: 1 };
    await browser.ask(peer, '/set', data);
    await browser.ask(moved.url, '/set', { k: 2 });
    expect(await browser.data(moved.url)).toEqual({ k: 2 });
    expect(await browser.data(peer)).toEqual({ ...data, k: 2 });
    await browser.ask(moved.url, '/set', { k: 3 });
    expect(await browser.data(peer)).toEqual({ ...data, k: 3 });
    expect(events.map(({ type }) => type)).not.toContain('update_conflict');
  });
});
