import { randomBytes } from 'node:crypto';
import type { PostgresStore } from 'nestjs-token-session/postgres';
import { TestClock } from 'nestjs-token-session/testing';
import type { Pool } from 'pg';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import type { TableStats } from '../../support/postgres/statistics.js';
import { hostOf, idOf, openStore, recordOf } from './subject.js';

const SESSIONS = 2_000;
const MINUTE = 60_000;

let server: PostgresServer;
let database: Address;
let clock: TestClock;
let pool: Pool;
let store: PostgresStore;

beforeAll(async () => {
  // What pages keep is the doing of updates alone.
  server = await PostgresServer.start({ config: 'autovacuum = off' });
});
beforeEach(async () => {
  database = await server.createDatabase();
  clock = new TestClock();
  pool = poolOf(database, { max: 1 });
  store = await openStore({ pool }, hostOf(clock.now));
});
afterEach(endPools);
afterAll(stopServers);

const stats = (): Promise<TableStats> => server.tableStats(database.database, 'token_session');

const recordNow = (version: string, bytes = 400, idleTimeout = 30 * MINUTE) =>
  recordOf(version, {
    // Random, so that compression does not make it small.
    payload: randomBytes(Math.ceil(bytes * 0.75)).toString('base64'),
    startedAt: 0,
    absoluteTimeout: 1e15,
    usedAt: clock.now(),
    idleTimeout,
  });

/** Each session once, one after the other: a statement at the same moment may need an old version, which then stays. */
async function rotate(work: (id: string) => Promise<unknown>): Promise<void> {
  for (let number = 0; number < SESSIONS; number++) await work(idOf(number));
}

describe('updates of living sessions change no index (HOT)', () => {
  it.each([400, 1_900, 4_096])('%i bytes of data, 2,000 sessions in turn: all', async (bytes) => {
    await pool.query(
      `INSERT INTO token_session SELECT lpad(n::text, 43, 'i'), data, '0', NULL, 0, $1::bigint, $2::bigint, 1e15, $1 + $2::bigint
       FROM generate_series(0, $3::int - 1) n, (SELECT $4::text AS data) one`,
      [clock.now(), 30 * MINUTE, SESSIONS, recordNow('0', bytes).payload],
    );
    clock.advance(MINUTE);
    await rotate((id) => store.update(id, recordNow('1', bytes), '0'));
    clock.advance(MINUTE);
    await rotate((id) => store.touch(id, recordNow('1', bytes)));
    const { inserted, updated, hotUpdated } = await stats();
    expect({ inserted, updated, hotUpdated }).toEqual({
      inserted: SESSIONS,
      updated: 2 * SESSIONS,
      hotUpdated: 2 * SESSIONS,
    });
  });

  it('but one that shortens a life, and the look of a sweep, which comes once in an idle timeout', async () => {
    await store.create(idOf(1), recordNow('0'));
    await store.update(idOf(1), recordNow('1', 400, MINUTE), '0');
    expect(await stats()).toMatchObject({ updated: 1, hotUpdated: 0 });
    await store.update(idOf(1), recordNow('2', 400, 30 * MINUTE), '1');
    expect(await stats()).toMatchObject({ updated: 2, hotUpdated: 1 });
    let sweeps = 0;
    // Two hours, in which somebody looks at the session and the sweep comes each minute.
    for (let minute = 0; minute < 120; minute++) {
      clock.advance(MINUTE);
      await store.touch(idOf(1), recordNow('2'));
      await store.sweep();
      sweeps++;
    }
    const { updated, hotUpdated } = await stats();
    expect(sweeps).toBe(120);
    // The first look after the shortened minute, then one each 30 minutes.
    expect(updated - hotUpdated).toBe(1 + 1 + 3);
    expect(updated).toBe(2 + 120 + 1 + 3);
  });
});
