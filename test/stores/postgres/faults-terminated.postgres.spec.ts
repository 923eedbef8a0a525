import type { Pool } from 'pg';
import { closeApps } from '../../support/app.js';
import { timed, UNAVAILABLE, UNKNOWN } from '../../support/faults-app.js';
import { PLATFORMS, type Platform } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp, type PostgresApp } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

let server: PostgresServer;
let address: Address;
let pool: Pool;
let app: PostgresApp;
let token: string;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

const backends = async (where: string): Promise<number> => {
  const [row] = await server.query<{ number: number }>(
    `SELECT count(*)::int AS number FROM pg_stat_activity WHERE datname = '${address.database}' AND ${where}`,
  );
  return row?.number ?? 0;
};

const waiting = (number: number): Promise<unknown> =>
  until('statements that wait for a lock', async () => (await backends("wait_event_type = 'Lock'")) === number);

async function open(platform: Platform): Promise<void> {
  address = await server.createDatabase();
  await migrate(address);
  pool = barePool(address);
  app = await startPostgresApp(platform, pool, { storeTimeout: '5s' });
  token = await app.visit();
  app.events.length = 0;
}

describe.each(PLATFORMS)('connections that end, on %s', (platform) => {
  beforeEach(() => open(platform));

  it('F74: terminated while idle, nobody notices', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    for (const client of clients) client.release();
    expect(await server.terminateBackends(`datname = '${address.database}'`)).toBe(4);
    await until('an empty pool', () => pool.totalCount === 0);
    expect(await app.run('read', token)).toMatchObject({ status: 201, says: { written: true } });
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
    expect(app.tally().store_failed).toBeUndefined();
  });

  it('F74: terminated in mid-statement: a read is 503, a write OUTCOME_UNKNOWN; the next requests work', async () => {
    const holder = barePool(address);
    const client = await holder.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE token_session IN ACCESS EXCLUSIVE MODE');
    const reading = app.run('read', token);
    const writing = app.run('write');
    await waiting(2);
    await server.terminateBackends(`datname = '${address.database}' AND wait_event_type = 'Lock'`);
    const [answers, ms] = await timed(() => Promise.all([reading, writing]));
    expect(answers).toEqual([UNAVAILABLE, UNKNOWN]);
    expect(ms).toBeLessThan(2_000);
    await client.query('ROLLBACK');
    client.release();
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
    await until('one session', async () => (await app.sessions.count()) === 1);
    expect(app.tally()).toMatchObject({ store_failed: 2, store_recovered: 1 });
  });
});

describe('connections that end', () => {
  beforeEach(() => open('express'));

  it('F74: the connection of an application that the store has used before ends while the application has it', async () => {
    // Nobody listens to it but the store, from when it had it.
    const client = await pool.connect();
    expect(pool.totalCount).toBe(1);
    const ended = new Promise((resolve) => client.once('end', resolve));
    await server.terminateBackends(`datname = '${address.database}'`);
    await ended;
    client.release();
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
  });

  it('F74: a statement that an administrator cancels was not carried out; its connection is kept', async () => {
    const holder = barePool(address);
    const client = await holder.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM token_session FOR UPDATE');
    const writing = app.run('count', token);
    await waiting(1);
    const [cancelled] = await server.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = '${address.database}' AND wait_event_type = 'Lock'`,
    );
    await server.query('SELECT pg_cancel_backend($1)', [cancelled?.pid]);
    expect(await writing).toEqual(UNAVAILABLE);
    await client.query('ROLLBACK');
    client.release();
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
    expect(await backends(`pid = ${String(cancelled?.pid)}`)).toBe(1);
  });

  it('F74: terminated again and again under load, what is acknowledged counts once', async () => {
    let isOver = false;
    let done = 0;
    let open = 0;
    let refused = 0;
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const answer = await app.run('count', token);
        if (answer.status === 201) done++;
        else if (answer.says === 'OUTCOME_UNKNOWN') open++;
        else {
          expect(answer).toEqual(UNAVAILABLE);
          refused++;
        }
      }
    });
    for (let round = 0; round < 4; round++) {
      const goal = done + 10;
      await until('progress', () => done >= goal);
      await server.terminateBackends(`datname = '${address.database}'`);
    }
    isOver = true;
    await Promise.all(load);
    const { says } = await app.run('read', token);
    const { count } = says as { count: number };
    expect([count >= done, count <= done + open]).toEqual([true, true]);
    expect(open + refused).toBeGreaterThan(0);
    expect((await app.run('count', token)).says).toBe(count + 1);
  });
});
