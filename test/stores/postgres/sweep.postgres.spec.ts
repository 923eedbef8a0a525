import type { PostgresStore } from 'nestjs-token-session/postgres';
import { TestClock } from 'nestjs-token-session/testing';
import type { Pool, PoolClient } from 'pg';
import { namesOf } from '../../../lib/stores/postgres/postgres-schema.js';
import { statementsOf, SWEEP_BATCH } from '../../../lib/stores/postgres/postgres-statements.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { hostOf, idOf, openStore, recordOf } from './subject.js';

const MINUTE = 60_000;
const statements = statementsOf(namesOf({ schema: 'public', table: 'token_session' }));

let server: PostgresServer;
let database: Address;
let pool: Pool;
let clock: TestClock;
let store: PostgresStore;

beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  database = await server.createDatabase();
  pool = poolOf(database);
  clock = new TestClock();
  store = await openStore({ pool }, hostOf(clock.now));
});
afterEach(endPools);
afterAll(stopServers);
failOnUnhandledRejections();

const rows = async (
  text = 'SELECT id, sweep_at::float8 AS "sweepAt" FROM token_session ORDER BY id',
): Promise<object[]> => (await pool.query<object>(text)).rows;

/** A session that began now and lives for that long. */
const living = (ms: number, version = 'v1') =>
  recordOf(version, { startedAt: clock.now(), usedAt: clock.now(), idleTimeout: ms });

/** A transaction of somebody else, which holds what its statement has locked until it is committed. */
async function holding(text: string, values: readonly unknown[] = []): Promise<PoolClient> {
  const client = await pool.connect();
  await client.query('BEGIN');
  await client.query(text, [...values]);
  return client;
}

async function commit(client: PoolClient): Promise<void> {
  await client.query('COMMIT');
  client.release();
}

const somebodyWaits = (): Promise<boolean> =>
  until('a statement that waits for a lock', async () => {
    const [row] = await server.query<{ waiting: boolean }>(
      `SELECT count(*) > 0 AS waiting FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`,
      [database.database],
    );
    return row?.waiting === true;
  });

describe('14.2.7: what has ended goes', () => {
  it('reaches 0 in batches, sessions and entries of users alike, and nothing else goes', async () => {
    const ends = clock.now() + MINUTE;
    await pool.query(
      `INSERT INTO token_session SELECT 'i' || n, 'x', 'v', NULL, $1::bigint, $1, $2, $2, $1 + $2::bigint FROM generate_series(1, 1201) n`,
      [clock.now(), MINUTE],
    );
    await pool.query(
      `INSERT INTO token_session_user SELECT 'u' || n % 7, 'i' || n, $1, true, n % 2 = 0 FROM generate_series(1, 1201) n`,
      [ends],
    );
    await store.create(idOf('living'), living(2 * MINUTE));
    await store.users.add('ada', idOf('living'), 2 * MINUTE, {});
    expect(await store.sweep()).toEqual({ removed: 0, done: true });

    clock.advance(MINUTE);
    const batches = [await store.sweep(), await store.sweep(), await store.sweep()];
    expect(batches).toEqual([
      { removed: SWEEP_BATCH, done: false },
      { removed: SWEEP_BATCH, done: false },
      { removed: 1201 - 2 * SWEEP_BATCH, done: true },
    ]);
    expect(await rows()).toMatchObject([{ id: idOf('living') }]);
    expect(await rows('SELECT id FROM token_session_user')).toEqual([{ id: idOf('living') }]);

    clock.advance(MINUTE);
    expect(await store.sweep()).toEqual({ removed: 1, done: true });
    expect(await rows()).toEqual([]);
    expect(await rows('SELECT id FROM token_session_user')).toEqual([]);
  });

  it('one that was used meanwhile stays, and is looked at again when its new end has come, not before', async () => {
    await store.create(idOf('used'), living(MINUTE));
    clock.advance(MINUTE - 1);
    await store.touch(idOf('used'), living(MINUTE));
    const end = clock.now() + MINUTE;
    clock.advance(1);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    expect(await rows()).toEqual([{ id: idOf('used'), sweepAt: end }]);
    const { rows: before } = await pool.query<object>('SELECT ctid FROM token_session');
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    expect(await rows('SELECT ctid FROM token_session')).toEqual(before);
    clock.advance(MINUTE - 1);
    expect(await store.sweep()).toEqual({ removed: 1, done: true });
  });

  it('an update moves the time of the look to an earlier end, and not to a later one', async () => {
    await store.create(idOf('a'), living(10 * MINUTE));
    const first = clock.now() + 10 * MINUTE;
    clock.advance(MINUTE);
    await store.update(idOf('a'), living(10 * MINUTE, 'v2'), 'v1');
    expect(await rows()).toEqual([{ id: idOf('a'), sweepAt: first }]);
    await store.update(idOf('a'), living(MINUTE, 'v3'), 'v2');
    expect(await rows()).toEqual([{ id: idOf('a'), sweepAt: clock.now() + MINUTE }]);
  });
});

describe('the sweep against others', () => {
  it('passes by rows that somebody holds, and takes them the next time', async () => {
    for (const name of ['a', 'b', 'c']) {
      await store.create(idOf(name), living(MINUTE));
      await store.users.add('ada', idOf(name), MINUTE, {});
    }
    clock.advance(MINUTE);
    const sessions = await holding('SELECT * FROM token_session WHERE id = $1 FOR UPDATE', [idOf('b')]);
    const entries = await holding('SELECT * FROM token_session_user WHERE id = $1 FOR UPDATE', [idOf('c')]);
    expect(await store.sweep()).toEqual({ removed: 2, done: true });
    expect(await rows()).toMatchObject([{ id: idOf('b') }]);
    expect(await rows('SELECT id FROM token_session_user')).toEqual([{ id: idOf('c') }]);
    await commit(sessions);
    await commit(entries);
    expect(await store.sweep()).toEqual({ removed: 1, done: true });
    expect([await rows(), await rows('SELECT id FROM token_session_user')]).toEqual([[], []]);
  });

  it.each<[string, () => [string, unknown[]]]>([
    ['touch', () => [statements.touch.text, [idOf('a'), clock.now(), clock.now()]]],
    [
      'change',
      () => [
        statements.update.text,
        [idOf('a'), 'x', 'v2', null, clock.now(), clock.now(), MINUTE, MINUTE, clock.now() + MINUTE, clock.now(), 'v1'],
      ],
    ],
  ])('R59: a %s that is not committed yet keeps the session', async (_name, statement) => {
    await store.create(idOf('a'), living(MINUTE));
    clock.advance(MINUTE - 1);
    const writer = await holding(...statement());
    clock.advance(1);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    await commit(writer);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    expect(await store.load(idOf('a'))).toBeDefined();
  });

  it('law 6, R59: a touch and an update that come while the sweep removes the session find none', async () => {
    await store.create(idOf('a'), living(MINUTE));
    const late = clock.now() + MINUTE;
    const sweep = await holding(statements.sweep.text, [late, false]);
    const writes = Promise.all([
      store.touch(idOf('a'), living(MINUTE)),
      store.update(idOf('a'), living(MINUTE, 'v2'), 'v1'),
      store.destroy(idOf('a')),
    ]);
    await somebodyWaits();
    await commit(sweep);
    expect(await writes).toEqual([false, { status: 'missing' }, undefined]);
    expect(await rows()).toEqual([]);
  });

  it('a touch that waits for the sweep, which only moved the time of its look, is done', async () => {
    await store.create(idOf('a'), living(MINUTE));
    clock.advance(MINUTE - 1);
    await store.touch(idOf('a'), living(MINUTE));
    const sweep = await holding(statements.sweep.text, [clock.now() + 1, false]);
    clock.advance(2);
    const touch = store.touch(idOf('a'), living(MINUTE));
    await somebodyWaits();
    await commit(sweep);
    expect(await touch).toBe(true);
    expect(await store.load(idOf('a'))).toMatchObject({ usedAt: clock.now() });
  });

  it('R64: a login that is not committed yet is not swept', async () => {
    const add = 'SELECT token_session_user_add($1, $2, 60000, NULL, false, NULL, $3, $4)';
    const login = await holding(add, ['ada', idOf('a'), [], clock.now()]);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    await commit(login);
    expect(await store.users.list('ada')).toEqual([{ id: idOf('a'), settled: false }]);
  });

  it('sweeps of several processes at once take each session once', async () => {
    await pool.query(
      `INSERT INTO token_session SELECT 'i' || n, 'x', 'v', NULL, 0, 0, 1, 1, 1 FROM generate_series(1, 3000) n`,
    );
    const others = await Promise.all([1, 2, 3].map(() => openStore({ pool: poolOf(database) }, hostOf(clock.now))));
    const counts = await Promise.all(
      others.map(async (other) => {
        let sum = 0;
        for (let done = false; !done;) {
          const result = await other.sweep();
          sum += result.removed;
          done = result.done;
        }
        return sum;
      }),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(3000);
    expect(await rows()).toEqual([]);
  });
});
