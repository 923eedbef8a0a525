import { PostgresStore, postgresSchema } from 'nestjs-token-session/postgres';
import type { Pool, PoolClient } from 'pg';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { hostOf, openStore } from './subject.js';

let server: PostgresServer;
let database: Address;
let pool: Pool;

beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  database = await server.createDatabase();
  pool = poolOf(database, { max: 24 });
});
afterEach(endPools);
afterAll(stopServers);
failOnUnhandledRejections();

const LOCK = /PERFORM pg_advisory_xact_lock\(hashtextextended\([^;]*;/;

/** A store whose functions take the lock of the user first, or, to see what it is for, do not. */
async function storeThat(locks: 'locks' | 'does not lock'): Promise<PostgresStore> {
  const statements = postgresSchema();
  const changed = statements.map((statement) => statement.replace(LOCK, ''));
  // All four functions have it.
  expect(statements.filter((statement, index) => statement !== changed[index])).toHaveLength(4);
  for (const statement of locks === 'locks' ? statements : changed) await pool.query(statement);
  const store = new PostgresStore({ pool });
  await store.attach(hostOf());
  return store;
}

const waiting = (count: number): Promise<boolean> =>
  until(`${String(count)} statements that wait for a lock`, async () => {
    const [row] = await server.query<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`,
      [database.database],
    );
    return row?.waiting === count;
  });

/** Holds a row, so that whoever wants to change it stays in the middle of what it does. */
async function holding(id: string): Promise<PoolClient> {
  const client = await pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT * FROM token_session_user WHERE id = $1 FOR UPDATE', [id]);
  return client;
}

async function letGo(client: PoolClient): Promise<void> {
  await client.query('COMMIT');
  client.release();
}

const living = async (store: PostgresStore): Promise<string[]> =>
  (await store.users.list('ada')).map(({ id }) => id).toSorted();

describe('two logins that both evict the one session a user may have, the first stopped in the middle of its function', () => {
  async function play(store: PostgresStore): Promise<boolean[]> {
    await store.users.add('ada', 'old', 60_000, {});
    const held = await holding('old');
    const first = store.users.add('ada', 'first', 60_000, { max: 1, evict: ['old'] });
    await waiting(1);
    const second = store.users.add('ada', 'second', 60_000, { max: 1, evict: ['old'] });
    await waiting(2);
    await letGo(held);
    return (await Promise.all([first, second])).map(({ added }) => added);
  }

  it('law of users: with the lock the second one sees the first, and is refused', async () => {
    const store = await storeThat('locks');
    expect(await play(store)).toEqual([true, false]);
    expect(await living(store)).toEqual(['first']);
  });

  it('without the lock both are let in: one more than maxPerUser', async () => {
    const store = await storeThat('does not lock');
    expect(await play(store)).toEqual([true, true]);
    expect(await living(store)).toEqual(['first', 'second']);
  });
});

describe('a login that is not committed yet, and one that comes meanwhile', () => {
  const ADD = `SELECT added FROM token_session_user_add('ada', 'first', 60000, NULL, false, 1, '{}', NULL)`;

  async function play(store: PostgresStore, waits: boolean): Promise<boolean> {
    const client = await pool.connect();
    await client.query('BEGIN');
    expect((await client.query<object>(ADD)).rows).toEqual([{ added: true }]);
    const second = store.users.add('ada', 'second', 60_000, { max: 1 });
    if (waits) await waiting(1);
    else await second;
    await letGo(client);
    return (await second).added;
  }

  it('with the lock it waits, and is refused', async () => {
    const store = await storeThat('locks');
    expect(await play(store, true)).toBe(false);
    expect(await living(store)).toEqual(['first']);
  });

  it('without the lock it sees nothing of the other, and is let in', async () => {
    const store = await storeThat('does not lock');
    expect(await play(store, false)).toBe(true);
    expect(await living(store)).toEqual(['first', 'second']);
  });

  it('another user does not wait', async () => {
    const store = await storeThat('locks');
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query(ADD);
    expect(await store.users.add('grace', 'hers', 60_000, { max: 1 })).toMatchObject({ added: true });
    await letGo(client);
  });
});

describe('a sign-out everywhere while a login waits in the middle', () => {
  it('law 7, R60: with the lock the sign-out ends the login, too', async () => {
    const store = await storeThat('locks');
    await store.users.add('ada', 'old', 60_000, {});
    const held = await holding('old');
    const login = store.users.add('ada', 'new', 60_000, { max: 1, evict: ['old'] });
    await waiting(1);
    const signOut = store.users.revoke('ada', { except: undefined });
    await waiting(2);
    await letGo(held);
    expect(await login).toMatchObject({ added: true, revoked: ['old'] });
    expect((await signOut).toSorted()).toEqual(['new', 'old']);
    expect(await store.users.settle('ada', 'new', 60_000)).toBe(false);
  });
});

it('no deadlock: 200 rounds of 20 operations at once on the entries of five users, with sweeps between', async () => {
  const store = await openStore({ pool });
  const { users } = store;
  const ids = ['a', 'b', 'c', 'd'];
  // The same order of operations in each run, and another one in each round.
  let seed = 1;
  const pick = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const idOf = (): string => ids[pick(ids.length)] as string;
  const operations: ((user: string) => unknown)[] = [
    (user: string) => users.add(user, idOf(), 60_000, {}),
    (user: string) => users.add(user, idOf(), 60_000, { max: 2, evict: [idOf(), idOf()] }),
    (user: string) => users.add(user, idOf(), 60_000, { replaces: idOf() }),
    (user: string) => users.settle(user, idOf(), 1),
    (user: string) => users.settle(user, idOf(), 60_000),
    (user: string) => users.revoke(user, { only: idOf() }),
    (user: string) => users.revoke(user, { except: idOf() }),
    (user: string) => users.remove(user, [idOf(), idOf(), idOf()]),
    () => store.sweep(),
  ];
  for (let round = 0; round < 200; round++) {
    await Promise.all(
      Array.from({ length: 20 }, async () => operations[pick(operations.length)]?.(`user${String(pick(5))}`)),
    );
  }
  await endPools();
  const [stats] = await server.query<{ deadlocks: number; commits: number }>(
    'SELECT deadlocks::int, xact_commit::int AS commits FROM pg_stat_database WHERE datname = $1',
    [database.database],
  );
  expect(stats?.commits).toBeGreaterThan(4_000);
  expect(stats?.deadlocks).toBe(0);
  expect(server.log).not.toContain('deadlock detected');
});
