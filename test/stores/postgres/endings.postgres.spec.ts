import { PostgresStore, type PostgresStoreOptions } from 'nestjs-token-session/postgres';
import type { PoolConfig } from 'pg';
import { HeardEndings, hostOf, idOf, recordOf, stopHearing } from '../../support/endings.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { closeProxies, PostgresProxy } from '../../support/postgres/postgres-proxy.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { closeNodes, WatchingNode } from '../../support/watching.js';
import { GRANTS, HARDENING } from './documented.js';

const TIMED = { connectionTimeoutMillis: 2_000 };

let server: PostgresServer;
let database: Address;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  database = await server.createDatabase();
  await new PostgresStore({ pool: poolOf(database) }).migrate();
});
afterEach(async () => {
  await closeNodes();
  await stopHearing();
  closeProxies();
  await endPools();
});
afterAll(stopServers);

type Options = Omit<PostgresStoreOptions, 'pool'> & { readonly address?: PoolConfig; readonly max?: number };

/** A store as one process has it. */
async function storeOf({ address = database, max = 5, ...options }: Options = {}, host = hostOf()) {
  const store = new PostgresStore({ pool: poolOf(address, { ...TIMED, max }), ...options });
  await store.attach(host);
  return store;
}

/** How many connections wait for notifications, in this database. */
async function listening(): Promise<number> {
  const rows = await server.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = '${database.database}' AND query LIKE 'LISTEN%'`,
  );
  return rows[0]?.count ?? 0;
}

it('law 6: are told to another process, with a version or without, and what ends nothing is not', async () => {
  const [here, there] = [await storeOf(), await storeOf()];
  const heard = await HeardEndings.of(there);
  for (const name of ['a', 'b', 'c']) await here.create(idOf(name), recordOf());
  await here.update(idOf('c'), recordOf('v2'), 'v1');
  await here.touch(idOf('c'), recordOf());
  expect(await here.destroy(idOf('c'), 'v1')).toMatchObject({ version: 'v2' });
  await here.destroy(idOf('unknown'));
  expect(await here.destroy(idOf('a'))).toMatchObject({ version: 'v1' });
  await here.destroy(idOf('b'), 'v1');
  expect(await here.update(idOf('c'), recordOf('v3'), 'v1', true)).toMatchObject({ status: 'conflict' });
  expect(await here.update(idOf('c'), recordOf('v3'), 'v2', true)).toEqual({ status: 'updated' });
  await heard.has(idOf('c'));
  expect(heard.told).toEqual(['connected', idOf('a'), idOf('b'), idOf('c')]);
});

it('ASVS 7.4.5: clear() makes all be looked at', async () => {
  const [here, there] = [await storeOf(), await storeOf()];
  const heard = await HeardEndings.of(there);
  await here.clear();
  await heard.has('connected', 2);
});

it('stay with the sessions of a table, however long its name is', async () => {
  const tables = ['t'.repeat(40), `${'t'.repeat(39)}u`, `odd "name" 'of' \\ it`];
  for (const table of tables) await new PostgresStore({ pool: poolOf(database), table }).migrate();
  const stores = await Promise.all(tables.map((table) => storeOf({ table })));
  const heard = await Promise.all(stores.map((store) => HeardEndings.of(store)));
  for (const [number, store] of stores.entries()) {
    await store.create(idOf(number), recordOf());
    await store.destroy(idOf(number));
  }
  for (const [number, { told }] of heard.entries()) {
    await heard[number]?.has(idOf(number));
    expect(told).toEqual(['connected', idOf(number)]);
  }
});

it('need a connection only while somebody listens', async () => {
  const store = await storeOf();
  expect(await listening()).toBe(0);
  const heard = await HeardEndings.of(store);
  expect(await listening()).toBe(1);
  await heard.stop();
  await until('no listener', async () => (await listening()) === 0);
  const stopped = HeardEndings.begin(store);
  await stopped.stop();
  expect(stopped.told).toEqual([]);
  await until('no connection', async () => (await listening()) === 0);
});

it('F75: take no connection of the pool, which may have one only', async () => {
  const store = await storeOf({ max: 1 });
  const heard = await HeardEndings.of(store);
  const ids = Array.from({ length: 20 }, (_, number) => idOf(number));
  await Promise.all(ids.map((id) => store.create(id, recordOf())));
  await Promise.all(ids.map((id) => store.destroy(id)));
  for (const id of ids) await heard.has(id);
});

it('F74: are looked for when the backend that listens was terminated', async () => {
  const [here, there] = [await storeOf(), await storeOf()];
  const heard = await HeardEndings.of(there);
  await server.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.database}' AND query LIKE 'LISTEN%'`,
  );
  await heard.has('connected', 2);
  await here.create(idOf('a'), recordOf());
  await here.destroy(idOf('a'));
  await heard.has(idOf('a'));
  expect(heard.told).toEqual(['connected', 'lost', 'connected', idOf('a')]);
});

it('F67: are looked for when a connection that was cut is back', async () => {
  const proxy = await PostgresProxy.start(server);
  const [here, there] = [await storeOf(), await storeOf({ address: proxy.before(database) })];
  const heard = await HeardEndings.of(there);
  await here.create(idOf('a'), recordOf());
  proxy.refuse();
  proxy.cut();
  await heard.has('lost');
  await here.destroy(idOf('a'));
  await proxy.accept();
  await heard.has('connected', 2);
  expect(heard.told).toEqual(['connected', 'lost', 'connected']);
});

it('F68: a connection that froze without a sign is replaced', async () => {
  const proxy = await PostgresProxy.start(server);
  const there = await storeOf({ address: proxy.before(database) }, hostOf(300));
  const heard = await HeardEndings.of(there);
  proxy.stall();
  await heard.has('lost');
  proxy.resume();
  await heard.has('connected', 2);
});

it('law 6, 7: end what is watched in another process, by whatever ended it', async () => {
  const [here, there] = [new WatchingNode(await storeOf()), new WatchingNode(await storeOf())];
  const [ended, renewed, revoked, living] = [
    await here.begin(),
    await here.begin(),
    await here.signIn('ada'),
    await here.begin(),
  ];
  const heard = [ended, renewed, revoked, living].map((session) => there.watch(session));
  await there.looked();
  await ended.destroy();
  await renewed.regenerate([]);
  await here.engine.users.destroyAll('ada', undefined);
  expect(await Promise.all(heard.slice(0, 3).map(({ first }) => first))).toEqual(['ended', 'renewed', 'ended']);
  await here.engine.store.clear();
  expect(await heard[3]?.first).toBe('ended');
});

it('F67: end what was watched and ended while the server was away for the one who watches', async () => {
  const proxy = await PostgresProxy.start(server);
  const [here, there] = [
    new WatchingNode(await storeOf()),
    new WatchingNode(await storeOf({ address: proxy.before(database) })),
  ];
  const [ended, renewed, living] = [await here.begin(), await here.begin(), await here.begin()];
  const heard = [ended, renewed, living].map((session) => there.watch(session));
  await there.looked();
  proxy.refuse();
  proxy.cut();
  await ended.destroy();
  await renewed.regenerate([]);
  await proxy.accept();
  expect(await Promise.all(heard.slice(0, 2).map(({ first }) => first))).toEqual(['ended', 'renewed']);
  await living.destroy();
  expect(await heard[2]?.first).toBe('ended');
});

it('end what is watched, in processes of which none is told', async () => {
  const stores = [await storeOf({ endings: false }), await storeOf({ endings: false })] as const;
  expect(stores[0].endings).toBeUndefined();
  const [here, there] = [new WatchingNode(stores[0]), new WatchingNode(stores[1])];
  const session = await here.begin();
  const heard = there.watch(session);
  await there.looked();
  await session.destroy();
  expect(await heard.first).toBe('ended');
});

describe.each(['transaction', 'session'] as const)('behind a pooler in %s mode', (poolMode) => {
  let bouncer: PgBouncer;

  beforeAll(async () => {
    bouncer = await PgBouncer.start(server, { poolMode, poolSize: 8 });
  });

  it('LISTEN is not relied upon: one notice, and what is watched ends all the same', async () => {
    const store = await storeOf({ address: bouncer.before(database) });
    const [here, there] = [new WatchingNode(await storeOf()), new WatchingNode(store)];
    const session = await here.begin();
    const heard = there.watch(session);
    await there.looked();
    await session.destroy();
    expect(await heard.first).toBe('ended');
    const notices = there.events.flatMap((event) => (event.type === 'store_notice' ? [event.reason] : []));
    expect(notices.filter((notice) => notice.includes('does not tell of sessions'))).toEqual([
      expect.stringMatching(/endings: \{ pool \}.*a pooler stands in between/),
    ]);
  });

  it('another pool that leads to the server itself is told', async () => {
    const behind = bouncer.before(database);
    const [here, there] = [
      await storeOf({ address: behind }),
      await storeOf({ address: behind, endings: { pool: poolOf(database) } }),
    ];
    const heard = await HeardEndings.of(there);
    await here.create(idOf('a'), recordOf());
    await here.destroy(idOf('a'));
    await heard.has(idOf('a'));
  });
});

it('a pool that makes no connections beside it is one notice', async () => {
  const host = hostOf();
  const pool = poolOf(database);
  const shaped = { connect: () => pool.connect(), query: (text: string) => pool.query(text) };
  const store = new PostgresStore({ pool: shaped });
  await store.attach(host);
  const heard = HeardEndings.begin(store);
  await until('a notice', () => host.notices.length > 0);
  expect(host.notices).toEqual([expect.stringMatching(/does not tell of sessions.*this pool has no Client/)]);
  expect(heard.told).toEqual([]);
});

it('ASVS 13.2.2: the documented role may tell and listen', async () => {
  const role = `role_${database.database}`;
  for (const statement of HARDENING.split('; ')) await server.query(statement, [], database.database);
  for (const statement of GRANTS) {
    await server.query(statement.replace(/\bsessions\b/, role), [], database.database);
  }
  const address = { ...database, user: role };
  const [here, there] = [await storeOf({ address }), await storeOf({ address })];
  const heard = await HeardEndings.of(there);
  await here.create(idOf('a'), recordOf());
  await here.destroy(idOf('a'));
  await heard.has(idOf('a'));
});
