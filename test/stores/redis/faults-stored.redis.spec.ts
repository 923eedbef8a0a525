import { idOf } from '../../../lib/session-token.js';
import { closeApps } from '../../support/app.js';
import { closeClients } from '../../support/redis/clients.js';
import { PLACES, RedisApp, type Data } from '../../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

let server: RedisServer;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

type Spoil = (key: string, text: string) => Promise<unknown>;

const set =
  (change: (text: string) => string): Spoil =>
  (key, text) =>
    server.ask('SET', key, change(text), 'PX', 60_000);

/** What stands in the place of a session's record. */
const GARBAGE: Record<string, Spoil> = {
  'S52: null': set(() => 'null'),
  'S52: 42': set(() => '42'),
  'S52: []': set(() => '[]'),
  'S52: nothing': set(() => ''),
  'S52: random bytes': set(() => '\u0000\ufffd\u0007\r\n\u009b'),
  'S52: a record that ends in its first line': set((text) => text.slice(0, 30)),
  'S52: a record that ends with its first line': set((text) => text.slice(0, text.indexOf('\n') + 1)),
  'S52: a record that ends in its data': set((text) => text.slice(0, -4)),
  'S52: a session of connect-redis': set(() => '{"cookie":{"originalMaxAge":null},"views":1}'),
  'S53: a list': async (key) => {
    await server.ask('DEL', key);
    await server.ask('RPUSH', key, 'a');
  },
  'S53: a hash': async (key) => {
    await server.ask('DEL', key);
    await server.ask('HSET', key, 'a', 'b');
  },
};

const NEWER: Record<string, Spoil> = {
  'a later layout': set((text) => `!${text}`),
  'a later format of the payload': set((text) => text.replace(/\n(\d+)/, (_all, format) => `\n${Number(format) + 1}`)),
};

describe.each(PLACES)('what is stored in Redis, $name on $platform', ({ platform, connect }) => {
  let app: RedisApp;

  beforeEach(async () => {
    app = await RedisApp.start(platform, (await connect(server.url)).client, { storeTimeout: '5s' });
  });

  async function spoilt(spoil: Spoil): Promise<{ token: string; key: string }> {
    const token = await app.visit();
    const key = `session:${idOf(token)}`;
    await spoil(key, String(await server.ask('GET', key)));
    app.events.length = 0;
    return { token, key };
  }

  it.each(Object.keys(GARBAGE))('%s: signed out, one event, and a new start', async (name) => {
    // Who finds it may read, but has nothing to write to.
    const STATUS = { read: 201, write: 401, count: 401, login: 201, logout: 401 };
    for (const [operation, status] of Object.entries(STATUS)) {
      const { token, key } = await spoilt(GARBAGE[name] as Spoil);
      const answer = await app.run(operation, token);
      expect([operation, answer.status]).toEqual([operation, status]);
      expect(answer.token).not.toBe(token);
      expect([operation, app.tally().record_corrupt, app.tally().store_failed]).toEqual([operation, 1, undefined]);
      await until('its end', async () => (await server.ask('EXISTS', key)) === 0);
      expect(await app.run('read', token)).toMatchObject({ status: 201, says: {} });
      const next = await app.run('write', token);
      expect(next).toMatchObject({ status: 201, token: expect.stringMatching(/^[\w-]{43}$/) as string });
      expect(next.token).not.toBe(token);
    }
  });

  it.each(Object.keys(NEWER))('S52: %s is 503 and kept, as a rollback may need it', async (name) => {
    const { token, key } = await spoilt(NEWER[name] as Spoil);
    const text = await server.ask('GET', key);
    for (const operation of ['read', 'write', 'count', 'login']) {
      expect([operation, await app.run(operation, token)]).toMatchObject([
        operation,
        { status: 503, token: undefined, says: 'FORMAT_UNKNOWN' },
      ]);
    }
    expect(await server.ask('GET', key)).toBe(text);
    expect((await app.run('write')).status).toBe(201);
  });

  it('S53: a key of the index that is something else fails the login, not the sessions that are there', async () => {
    const token = await app.visit();
    expect((await app.run('login')).status).toBe(201);
    const keys = (await server.ask('KEYS', 'session:*ada*')) as string[];
    for (const key of keys) await server.ask('SET', key, 'x');
    expect(keys).not.toEqual([]);
    expect((await app.run('login', token)).status).toBe(503);
    expect(await app.run('read', token)).toMatchObject({ status: 201, says: { written: true } satisfies Data });
    for (const key of keys) await server.ask('DEL', key);
    expect((await app.run('login', token)).status).toBe(201);
  });
});
