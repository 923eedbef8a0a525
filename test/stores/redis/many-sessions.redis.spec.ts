import { session, type Session, type SessionMiddleware } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { SILENT } from '../../support/app.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { startPeer, stopPeers } from '../../support/redis/peers.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';

const MANY = 20_000;

let server: RedisServer;
let store: RedisStore;

beforeAll(async () => {
  server = await RedisServer.start();
  const connected = await CLIENTS.find(({ name }) => name === 'ioredis 6')?.connect(server.url);
  if (connected !== undefined) store = new RedisStore({ client: connected.client });
});
beforeEach(async () => {
  await server.ask('FLUSHALL');
});
afterAll(async () => {
  await stopPeers();
  await closeClients();
  await stopServers();
});

/** A session layer whose store may take its time: the machine may do other things beside. */
const layerWith = (limits: { idleTimeout?: number; absoluteTimeout?: number } = {}): SessionMiddleware =>
  session({ ...limits, store, logger: SILENT, storeTimeout: 30_000 });

function login(layer: SessionMiddleware, userId: string): Promise<Session> {
  const request = { headers: {}, url: '/' } as unknown as { session: Session };
  layer(request as never, { headersSent: false } as never, () => undefined);
  return layer.service.login(request.session, userId);
}

async function logins(layer: SessionMiddleware, userId: string, number: number): Promise<void> {
  for (let left = number; left > 0; left -= 500) {
    await Promise.all(Array.from({ length: Math.min(left, 500) }, () => login(layer, userId)));
  }
}

const keyOf = (userId: string): string => `session:by-user:${userId}`;

/** The fields of the user's key that stand for sessions. */
async function entries(userId: string): Promise<number> {
  return Number(await server.ask('HLEN', keyOf(userId))) - Number(await server.ask('HEXISTS', keyOf(userId), '#'));
}

/** Every command that the server carries out meanwhile, those that scripts call too. */
async function commandsOf(act: () => Promise<unknown>): Promise<number> {
  await server.ask('CONFIG', 'RESETSTAT');
  await act();
  const stats = String(await server.ask('INFO', 'commandstats'));
  return [...stats.matchAll(/^cmdstat_(?!config|info|ping)\S+:calls=(\d+)/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
}

describe('cost by the sessions of one user', () => {
  it('of a login, a rotation and a logout does not grow with them; list and destroyAll work with 20,000', async () => {
    const layer = layerWith();
    const { service } = layer;
    const round = async (): Promise<unknown> => {
      const next = await service.regenerate(await login(layer, 'ada'));
      const { id } = service.info(next);
      await service.destroy(next);
      // Its entry is removed beside the logout.
      await until('the entry to go', async () => (await server.ask('HSTRLEN', keyOf('ada'), `${id}`)) === 0);
      return next;
    };
    // Looking for the entry is no part of it; the last look is the only one that there always is.
    const cost = async (): Promise<number> => {
      const stats = await commandsOf(round);
      const looks = /cmdstat_hstrlen:calls=(\d+)/.exec(String(await server.ask('INFO', 'commandstats')))?.[1];
      return stats - Number(looks);
    };
    await logins(layer, 'ada', 10);
    // The scripts are sent once.
    await round();
    const few = await cost();
    await logins(layer, 'ada', MANY - 10);
    expect(await entries('ada')).toBe(MANY);
    expect(await cost()).toBeLessThanOrEqual(few);
    expect(await service.list('ada')).toHaveLength(MANY);
    expect(await service.destroyAll('ada')).toBe(MANY);
    expect(await service.list('ada')).toEqual([]);
    expect(await server.ask('EXISTS', keyOf('ada'))).toBe(0);
    // What is left are the tombstones of the rotations, for a minute at most.
    expect(await server.ask('DBSIZE')).toBeLessThanOrEqual(3);
  }, 600_000);
});

describe('ASVS 14.2.7: what is left of sessions that ran out goes', () => {
  it('the key of a user with the last entry', async () => {
    const layer = layerWith({ idleTimeout: 60_000, absoluteTimeout: 3_600_000 });
    await logins(layer, 'bob', 3);
    const one = await login(layer, 'bob');
    await store.users.revoke('bob', { only: layer.service.info(one).id as string });
    await store.users.add('bob', 'u'.repeat(43), 60_000, {});
    const left = Number(await server.ask('PTTL', keyOf('bob')));
    expect(left).toBeGreaterThan(3_600_000);
    expect(left).toBeLessThanOrEqual(3_600_000 + 600_000);
    await store.users.add('cleo', 'a'.repeat(43), 300, {});
    await store.users.settle('cleo', 'a'.repeat(43), 300);
    await store.users.add('cleo', 'b'.repeat(43), 200, {});
    await store.users.revoke('cleo', { only: 'b'.repeat(43) });
    await store.users.add('cleo', 'c'.repeat(43), 100, {});
    await until('the key to go', async () => (await server.ask('EXISTS', keyOf('cleo'))) === 0);
  });

  it('entries of expired sessions by list, and some of them with logins', async () => {
    const brief = layerWith({ idleTimeout: 200, absoluteTimeout: 3_600_000 });
    for (const user of ['dora', 'emil']) await logins(brief, user, 60);
    expect(await entries('dora')).toBe(60);
    await until('the sessions to run out', async () => (await store.count()) === 0);
    const layer = layerWith();
    expect(await layer.service.list('dora')).toEqual([]);
    expect(await entries('dora')).toBe(0);
    await logins(layer, 'emil', 100);
    await until('entries of Emil to go', async () => (await entries('emil')) < 160);
    expect(await layer.service.list('emil')).toHaveLength(100);
    expect(await entries('emil')).toBe(100);
  });
});

describe('ASVS 7.4.5: everyone is signed out', () => {
  it('of 100,000 sessions, in bounded memory and without KEYS, while logins go on', async () => {
    const fill = `for i = 1, 100000 do redis.call('SET', string.format('session:%043d', i), 'x') end
      for i = 1, 5000 do redis.call('HSET', 'session:by-user:' .. i, string.format('%043d', i), '1000000000000000 s') end
      redis.call('SET', 'session:of another program', 'x')`;
    await server.ask('EVAL', fill, 0);
    await server.ask('CONFIG', 'RESETSTAT');
    // A process that held all keys at once would end.
    const [clearing, other] = await Promise.all([
      startPeer({ driver: 'node-redis 6', redis: server.url }, ['--max-old-space-size=40']),
      startPeer({ driver: 'iovalkey', redis: server.url }),
    ]);
    const before = await other.logins('ada', 20);
    const loop = other.loopLogins('bob', 2);
    await until('logins', async () => (await other.given()).length > 10);
    const early = await other.given();
    await clearing.clear();
    await other.endLoop();
    const answers = await loop;
    const older = [...before, ...early].flatMap((got) => (typeof got === 'string' ? [] : [got.token]));
    expect(older.length).toBeGreaterThan(30);
    expect((await other.read(older)).every((data) => data === null)).toBe(true);
    const given = answers.flatMap((got) => (typeof got === 'string' ? [] : [got]));
    const found = await other.read(given.map(({ token }) => token));
    const living = given.filter((_, at) => found[at] !== null).map(({ id }) => id);
    const listed = new Set((await clearing.list('bob')).map(({ id }) => id));
    // One that nobody finds could not be ended any more.
    expect(living.filter((id) => !listed.has(id))).toHaveLength(0);
    expect(listed.size).toBe(living.length);
    await clearing.clear();
    expect(await server.ask('DBSIZE')).toBe(1);
    expect(String(await server.ask('INFO', 'commandstats'))).not.toContain('cmdstat_keys');
  });
});
