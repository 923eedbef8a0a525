import { createClient as createClient6, RESP_TYPES } from 'redis';
import { createClient as createClient4, createCluster as createCluster4 } from 'redis-4';
import { createClient as createClient5 } from 'redis-5';
import { Redis } from 'ioredis';
import { SessionService, type SessionEvent, type SessionRecord } from 'nestjs-token-session';
import { RedisStore, type RedisStoreOptions } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { collectEvents } from '../../support/events.js';
import { PLATFORMS } from '../../support/platforms.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const ID = 'i'.repeat(43);

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.ask('FLUSHALL'));
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);
failOnUnhandledRejections();

/** A client that never connects. */
const unopened = (): ReturnType<typeof createClient6> => createClient6({ url: server.url });

const lazy = (): Redis => new Redis({ lazyConnect: true });
const OLDER = /takes a client of node-redis \(5 or later\).*; got a client of an older version of node-redis/;
const near = (nearCache: unknown): unknown => ({ client: unopened(), nearCache });

describe('boot: RedisStore refuses', () => {
  const refused = (options: unknown): Error => {
    try {
      new RedisStore(options as RedisStoreOptions);
    } catch (error) {
      expect(error).toMatchObject({ name: 'SessionConfigError', code: 'INVALID_OPTION' });
      expect((error as Error).message).toMatch(/^RedisStore: /);
      return error as Error;
    }
    throw new Error('It was taken');
  };

  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /takes an object with client/],
    ['null', () => null, /takes an object with client/],
    ['text', () => 'redis://127.0.0.1', /takes an object with client/],
    ['an object without client', () => ({}), /takes an object with client: new RedisStore/],
    ['a client that is null', () => ({ client: null }), /got null/],
    ['a client that is an address', () => ({ client: 'redis://127.0.0.1' }), /got text \(make a client/],
    ['a client that is a number', () => ({ client: 6379 }), /got number/],
    ['a promise of a client', () => ({ client: Promise.resolve(unopened()) }), /got a promise \(await it first\)/],
    ['what makes clients', () => ({ client: createClient6 }), /got function/],
    ['the class of clients', () => ({ client: Redis }), /got function/],
    ['an object of another kind', () => ({ client: new Map() }), /got an object of another kind/],
    ['a list of clients', () => ({ client: [unopened()] }), /got an object of another kind/],
    // Version 4 takes the options of SET by other names: keys would not expire, and be overwritten.
    ['a client of node-redis 4', () => ({ client: createClient4() }), OLDER],
    ['a cluster client of node-redis 4', () => ({ client: createCluster4({ rootNodes: [] }) }), OLDER],
    ['a client in legacy mode', () => ({ client: createClient5().legacy() }), /got a client in the legacy mode/],
    [
      'a client of node-redis without the object around it',
      unopened,
      /takes an object with client: new RedisStore\(\{ client \}\)/,
    ],
    [
      'a client of ioredis without the object around it',
      lazy,
      /takes an object with client: new RedisStore\(\{ client \}\)/,
    ],
    ['an unknown option', () => ({ client: unopened(), ttl: 60 }), /has no option ttl; it has .*client, prefix/],
    ['a misspelt option', () => ({ client: unopened(), keyPrefix: 'a' }), /has no option keyPrefix/],
    ['an empty prefix', () => ({ client: unopened(), prefix: '' }), /prefix takes text .* got ''/],
    ['a prefix that is null', () => ({ client: unopened(), prefix: null }), /prefix takes text .* got null/],
    ['a prefix that is a number', () => ({ client: unopened(), prefix: 7 }), /prefix takes text .* got 7/],
    [
      'nearCache as text',
      () => ({ client: unopened(), nearCache: 'on' }),
      /nearCache takes true, false or .* got 'on'/,
    ],
    ['nearCache as null', () => ({ client: unopened(), nearCache: null }), /nearCache takes .* got null/],
    ['an option that nearCache has not', () => near({ ttl: 1 }), /nearCache has no option ttl; it has maxStaleness/],
    ['no staleness', () => near({ maxStaleness: 0 }), /nearCache\.maxStaleness takes .* got 0/],
    ['a staleness that is no time', () => near({ maxStaleness: NaN }), /nearCache\.maxStaleness takes .* got NaN/],
    ['a cache without memory', () => near({ maxBytes: 0 }), /nearCache\.maxBytes takes .* got 0/],
    ['a cache of half a byte', () => near({ maxBytes: 0.5 }), /nearCache\.maxBytes takes .* got 0\.5/],
    ['a prefix with half a character', () => ({ client: unopened(), prefix: '\ud800' }), /prefix takes text/],
  ])('%s', (_name, options, message) => {
    expect(refused(options()).message).toMatch(message);
  });

  it('a prefix that is undefined is the default one', () => {
    const options = { client: unopened(), prefix: undefined } as unknown as RedisStoreOptions;
    expect(() => new RedisStore(options)).not.toThrow();
  });
});

describe.each(CLIENTS)('what a client gives, $name', ({ name, family, connect }) => {
  const now = Date.now();
  const record: SessionRecord = {
    ...{ payload: '1\n{}', version: 'v1', userId: 'ada' },
    ...{ startedAt: now, usedAt: now, idleTimeout: 3_600_000, absoluteTimeout: 3_600_000 },
  };

  // Of node-redis 5 the store gets text all the same.
  if (name === 'node-redis 6') {
    it('Buffers in place of text are an error that says so, and not a corrupt record', async () => {
      const { client } = await connect(server.url);
      const typed = (client as ReturnType<typeof createClient6>).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      const store = new RedisStore({ client: typed });
      expect(await store.create(ID, record)).toBe(true);
      await expect(store.load(ID)).rejects.toThrow(/RedisStore needs a client that gives replies as text; it gave/);
      await expect(store.update(ID, { ...record, version: 'v2' }, 'other')).rejects.toThrow(
        /needs a client that gives replies as text/,
      );
      expect(await server.ask('EXISTS', `session:${ID}`)).toBe(1);
      await expect(store.destroy(ID)).rejects.toThrow(/needs a client that gives replies as text/);
    });

    it('Buffers: the application answers with 503 and the event says what to do', async () => {
      const { client } = await connect(server.url);
      const typed = (client as ReturnType<typeof createClient6>).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      const { url, events } = await start(new RedisStore({ client: typed }));
      const { token } = await call(url, '/views', { method: 'POST' });
      const answer = await call(url, '/views', { token });
      expect([answer.status, answer.json()]).toEqual([503, expect.objectContaining({ code: 'STORE_UNAVAILABLE' })]);
      expect(reasons(events)).toEqual([expect.stringContaining('replies as text')]);
      expect(await server.ask('DBSIZE')).toBe(1);
    });
  }

  it('RESP2 and RESP3 give the same', async () => {
    const options = family === 'node-redis' ? [{ RESP: 2 }, { RESP: 3 }] : [{ protocol: 2 }, { protocol: 3 }];
    for (const option of options) {
      const store = new RedisStore({ client: (await connect(server.url, option)).client });
      expect(await store.load(ID)).toBeUndefined();
      expect(await store.create(ID, record)).toBe(true);
      expect(await store.create(ID, { ...record, version: 'v2' })).toBe(false);
      expect(await store.update(ID, { ...record, version: 'v3' }, 'other')).toEqual({
        status: 'conflict',
        current: record,
      });
      expect(await store.touch(ID, record)).toBe(true);
      expect(await store.users.add('ada', ID, 60_000, {})).toEqual({ added: true, revoked: [] });
      expect(await store.users.list('ada')).toEqual([{ id: ID, settled: false }]);
      expect(await store.count()).toBe(1);
      expect(await store.destroy(ID)).toEqual(record);
      await store.clear();
    }
  });

  it('a client that was closed is a 503 at once, whose event names the remedy', async () => {
    const { client, close } = await connect(server.url);
    const { url, events } = await start(new RedisStore({ client }));
    await close();
    await until('its end', () => family === 'node-redis' || (client as { status?: string }).status === 'end');
    const answer = await call(url, '/views', { method: 'POST' });
    expect([answer.status, answer.token]).toEqual([503, undefined]);
    expect(reasons(events)).not.toEqual([]);
    for (const reason of reasons(events))
      expect(reason).toMatch(/client is closed: call client\.connect\(\) at the start/);
    expect((await call(url, '/plain')).status).toBe(200);
  });

  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])(
    'a server that evicts by %s is told at boot',
    async (policy) => {
      await limit('100mb', policy);
      const { notices } = await start(new RedisStore({ client: (await connect(server.url)).client }));
      await until('a notice', () => notices.length > 0);
      expect(notices).toEqual([expect.stringMatching(new RegExp(`maxmemory-policy ${policy}: .* noeviction`))]);
    },
  );

  it.each([
    ['100mb', 'noeviction'],
    ['0', 'allkeys-lru'],
  ])('a server with maxmemory %s and %s is not', async (memory, policy) => {
    await limit(memory, policy);
    const { client } = await connect(server.url);
    await server.ask('CONFIG', 'RESETSTAT');
    const { url, notices } = await start(new RedisStore({ client }));
    let asked = 0;
    await until('the question of the store', async () => {
      const stats = String(await server.ask('INFO', 'commandstats'));
      return Number(/cmdstat_info:calls=(\d+)/.exec(stats)?.[1] ?? 0) > asked++;
    });
    // What is sent later is answered later.
    expect((await call(url, '/views', { method: 'POST' })).status).toBe(201);
    expect(notices).toEqual([]);
  });
});

describe.each(PLATFORMS)('a client of node-redis that was never opened, on %s', (platform) => {
  it('F67: is a 503 at once, whose event names the remedy; and works once it is opened', async () => {
    const client = unopened();
    const { url, events, service } = await start(new RedisStore({ client }), platform);
    expect((await call(url, '/plain', { token: 'A'.repeat(43) })).status).toBe(200);
    for (const request of [{ token: 'A'.repeat(43) }, { method: 'POST' }]) {
      const answer = await call(url, '/views', request);
      expect([answer.status, answer.token]).toEqual([503, undefined]);
      expect(answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(answer.text).not.toMatch(/redis/i);
    }
    expect(reasons(events)).toContainEqual(expect.stringMatching(/client is closed: call client\.connect\(\)/));
    await expect(service.count()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await client.connect();
    expect((await call(url, '/views', { method: 'POST' })).status).toBe(201);
    client.destroy();
  });
});

async function limit(memory: string, policy: string): Promise<void> {
  await server.ask('CONFIG', 'SET', 'maxmemory', memory);
  await server.ask('CONFIG', 'SET', 'maxmemory-policy', policy);
}

interface Started {
  url: string;
  events: SessionEvent[];
  notices: string[];
  service: SessionService;
}

async function start(store: RedisStore, platform: (typeof PLATFORMS)[number] = 'express'): Promise<Started> {
  const notices: string[] = [];
  const note = (line: string): void => {
    if (line.startsWith('store_notice')) notices.push(line);
  };
  const session = { store, logger: { warn: note, error: note } };
  const running = await startApp(platform, { controllers: [CounterController], session });
  return { url: running.url, events: collectEvents(running), notices, service: running.get(SessionService) };
}

function reasons(events: readonly SessionEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'store_failed' ? [event.reason] : []));
}
