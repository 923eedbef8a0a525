import { createHash } from 'node:crypto';
import { MemoryStore } from 'express-session';
import { cookie, SessionService, type Session } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { closeApps, startApp } from '../../support/app.js';
import { Browser, closePeers, SECRET, startMoved, startPeer, type Shop } from '../../support/express-move.js';
import { until } from '../../support/redis/until.js';

const DAY = 86_400_000;
const KEY = 'nestjs-token-session';

const sessionsOf = (store: MemoryStore): Record<string, string> =>
  (store as unknown as { sessions: Record<string, string> }).sessions;

afterEach(async () => {
  await closeApps();
  await closePeers();
});

describe('what is noted beside the data, where express code lets clients write any key', () => {
  const forged = (id: string) => ({
    ...{ of: createHash('sha256').update(id).digest('base64url'), version: 'x', digest: 'd', expires: null },
    ...{ startedAt: Date.now() + 1e12, usedAt: Date.now(), idleTimeout: 1e12, absoluteTimeout: 1e12 },
    ...{ userId: 'admin', marks: { authenticatedAt: Date.now(), level: 9 } },
  });

  it.each<[string, object]>([
    ['none', {}],
    ['one of another secret', { seal: 'A'.repeat(43) }],
    ['text that is none', { seal: '' }],
    ['no text', { seal: { length: 43 } }],
  ])('ASVS 15.3.3: is not taken without our seal: %s', async (_what, seal) => {
    const store = new MemoryStore();
    const peer = await startPeer(store);
    const moved = await startMoved(store);
    const browser = new Browser();
    await browser.ask(peer, '/set', { a: 1 });
    const id = browser.rawId as string;
    await browser.ask(peer, '/set', { [KEY]: { ...forged(id), ...seal } });
    expect(sessionsOf(store)[id]).toContain('"userId":"admin"');
    expect(await browser.user(moved.url)).toBeNull();
    expect(await browser.data(moved.url)).toEqual({ a: 1 });
    const service = moved.get(SessionService);
    const info = service.info((await service.load(id)) as Session);
    expect(info).toMatchObject({ userId: undefined, authenticatedAt: undefined });
    expect(info.absoluteExpiresAt).toBeLessThanOrEqual(Date.now() + DAY);
  });

  it.each<[string, (kept: Record<string, unknown>) => object]>([
    ['another user', (kept) => ({ ...kept, userId: 'admin' })],
    ['a higher level', (kept) => ({ ...kept, marks: { ...(kept['marks'] as object), level: 9 } })],
    ['a later start', (kept) => ({ ...kept, startedAt: Date.now() + DAY })],
  ])('ASVS 15.3.3: what we wrote counts no longer once anything of it is changed: %s', async (_what, change) => {
    const store = new MemoryStore();
    const moved = await startMoved(store);
    const service = moved.get(SessionService);
    const token = await login(moved, 'ada');
    const stored = JSON.parse(sessionsOf(store)[token] as string) as Record<string, unknown>;
    expect(service.info((await service.load(token)) as Session).userId).toBe('ada');
    sessionsOf(store)[token] = JSON.stringify({ ...stored, [KEY]: change(stored[KEY] as Record<string, unknown>) });
    expect(service.info((await service.load(token)) as Session).userId).toBeUndefined();
  });

  it('counts after a change of the secret, and in a store that gives keys back in another order', async () => {
    const store = new MemoryStore();
    const token = await login(await startMoved(store), 'ada');
    const stored = JSON.parse(sessionsOf(store)[token] as string) as Record<string, object>;
    const turned = Object.fromEntries(Object.entries(stored[KEY] as object).reverse());
    sessionsOf(store)[token] = JSON.stringify({ ...stored, [KEY]: turned });
    const userIn = async (secret: string[]): Promise<unknown> => {
      const service = (await startMoved(store, { secret })).get(SessionService);
      return service.info((await service.load(token)) as Session).userId;
    };
    expect(await userIn(['a new one', SECRET])).toBe('ada');
    expect(await userIn(['a new one'])).toBeUndefined();
  });
});

describe('options that do not fit those of express-session', () => {
  /** The notices of a first request with a session that express-session has stored. */
  async function notices(options: object, session: object = {}): Promise<string[]> {
    const store = new MemoryStore();
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
    const peer = await startPeer(store, { cookie: options });
    const moved = await startMoved(store, { session: { logger, ...session } });
    for (let visitor = 0; visitor < 2; visitor++) {
      const browser = new Browser();
      await browser.ask(peer, '/set', { visitor });
      expect(await browser.data(moved.url)).toEqual({ visitor });
    }
    return lines.filter((line) => !line.includes('is shared with'));
  }

  it('law 8: a cookie that lasts longer than the limits here is told once, with the remedy', async () => {
    expect(await notices({ maxAge: 14 * DAY })).toEqual([
      expect.stringMatching(/set idleTimeout to its cookie\.maxAge.*is 336 hours, idleTimeout 30 minutes/),
    ]);
    expect(await notices({ maxAge: 14 * DAY }, { idleTimeout: '14d', absoluteTimeout: '14d' })).toEqual([]);
    expect(await notices({ maxAge: 14 * DAY }, { idleTimeout: '1d', absoluteTimeout: '90d' })).toHaveLength(1);
    expect(await notices({})).toEqual([]);
  });

  it('H7: a cookie of another domain or path is told once, with the remedy', async () => {
    const lines = await notices({ domain: 'example.com' });
    expect(lines).toEqual([
      expect.stringMatching(
        /another domain or path.*: domain example\.com, path \/ there, and no domain, path \/ here/,
      ),
    ]);
  });

  const start = (options: object, attributes: object) =>
    startApp('express', {
      controllers: [],
      session: {
        store: expressStore(new MemoryStore(), { rawIds: true, cookie: options }),
        transport: cookie({ name: 'connect.sid', secret: SECRET, ...attributes }),
      },
    });

  it.each<[string, object, object]>([
    ['a domain there only', { domain: 'example.com' }, {}],
    ['a domain here only', {}, { domain: 'example.com' }],
    ['another path', { path: '/shop' }, {}],
  ])('H7: fails at boot where the two cookies would stand side by side: %s', async (_what, options, attributes) => {
    await expect(start(options, attributes)).rejects.toThrow(/the same domain and path.*expressStore\(\{ cookie \}\)/);
  });

  it.each<[string, object, object]>([
    ['the same domain', { domain: '.Example.com' }, { domain: 'example.com' }],
    ['the same path', { path: '/shop' }, { path: '/shop' }],
    ["secure: 'auto'", { secure: 'auto' }, { secure: 'auto' }],
  ])('starts with %s', async (_what, options, attributes) => {
    await expect(start(options, attributes)).resolves.toBeDefined();
  });
});

async function login(app: Awaited<ReturnType<typeof startMoved>>, userId: string): Promise<string> {
  const service = app.get(SessionService);
  const browser = new Browser();
  await browser.ask(app.url, '/set', { a: 1 });
  const session = (await service.load<Shop>(browser.rawId as string)) as Session<Shop>;
  const token = service.info(await service.login(session, userId)).token as string;
  await until('the session is there', async () => (await service.load(token)) !== undefined);
  return token;
}
