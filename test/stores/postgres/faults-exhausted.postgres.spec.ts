import type { PoolClient } from 'pg';
import { closeApps } from '../../support/app.js';
import { STORE_TIMEOUT, timed, UNAVAILABLE, UNKNOWN } from '../../support/faults-app.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const OPERATIONS = ['read', 'write', 'count', 'login', 'logout'];
const READ = { status: 201, token: undefined, says: { written: true } };

let server: PostgresServer;
let address: Address;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start({ args: ['-c', 'max_connections=25'] });
});
beforeEach(async () => {
  address = await server.createDatabase();
  await migrate(address);
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

/** A client that keeps whatever the statement locks until `end`. */
async function holding(statement: string): Promise<{ end(): Promise<void> }> {
  const client = await barePool(address).connect();
  await client.query('BEGIN');
  await client.query(statement);
  return {
    end: async () => {
      await client.query('ROLLBACK');
      client.release();
    },
  };
}

const connections = async (where = 'true'): Promise<number> => {
  const [row] = await server.query<{ number: number }>(
    `SELECT count(*)::int AS number FROM pg_stat_activity WHERE datname = '${address.database}' AND ${where}`,
  );
  return row?.number ?? 0;
};

describe.each(PLATFORMS)('what there is not enough of, on %s', (platform) => {
  it('F75: no connection is free in time: 503, and nothing is sent later on', async () => {
    const pool = barePool(address, { max: 2 });
    // Time enough to tell that nothing was sent, also where the event loop is late.
    const app = await startPostgresApp(platform, pool, { storeTimeout: 4 * STORE_TIMEOUT });
    const token = await app.visit();
    const held: PoolClient[] = [await pool.connect(), await pool.connect()];
    await server.resetStatements(address.database);
    const [answers, ms] = await timed(() =>
      Promise.all([...OPERATIONS.map((operation) => app.run(operation, token)), app.run('write'), app.run('login')]),
    );
    expect(answers).toEqual(answers.map(() => UNAVAILABLE));
    expect(ms).toBeLessThan(6 * STORE_TIMEOUT);
    expect(app.reasons()).toMatch(/connection/);
    expect(await app.run('plain', token)).toMatchObject({ says: 'plain' });
    expect(await app.run('read')).toMatchObject({ status: 201, says: {} });

    for (const client of held) client.release();
    await until('nobody in the queue', () => pool.waitingCount === 0);
    const sent = (await server.statements(address.database)).filter(({ text }) => text.includes('token_session'));
    expect(sent).toEqual([]);
    expect(await app.run('read', token)).toEqual(READ);
    expect(app.tally().store_recovered).toBe(1);
  });
});

describe('what others hold', () => {
  it('F69: a row that another client has locked: bounded, and OUTCOME_UNKNOWN only for writes', async () => {
    const app = await startPostgresApp('fastify', barePool(address, { max: 2 }));
    const token = await app.visit();
    const lock = await holding('SELECT FROM token_session FOR UPDATE');
    const [written, ms] = await timed(() => Promise.all([app.run('count', token), app.run('logout', token)]));
    expect(written).toEqual([UNKNOWN, UNKNOWN]);
    expect(ms).toBeGreaterThan(STORE_TIMEOUT * 0.9);
    expect(ms).toBeLessThan(3 * STORE_TIMEOUT);
    // Readers wait for nobody, and the connections that did not answer are replaced.
    expect(await app.run('read', token)).toEqual(READ);
    await lock.end();
    await until('peace', async () => (await connections("wait_event_type = 'Lock'")) === 0);
    expect(await app.run('write')).toMatchObject({ status: 201 });
  });

  it("F69: a user's lock that another client has: nobody else waits for it", async () => {
    const app = await startPostgresApp('fastify', barePool(address, { max: 4 }));
    const token = await app.visit();
    const lock = await holding(
      `SELECT pg_advisory_xact_lock(hashtextextended('nestjs-token-session public.token_session ada', 0))`,
    );
    const [answers, ms] = await timed(() =>
      Promise.all([app.run('login', token), app.run('destroy-all'), app.run('login', undefined, 'bob')]),
    );
    expect(answers).toEqual([UNKNOWN, UNKNOWN, expect.objectContaining({ status: 201 })]);
    expect(ms).toBeLessThan(3 * STORE_TIMEOUT);
    expect(await app.run('read', token)).toEqual(READ);
    await lock.end();
    expect(await app.run('login', token)).toMatchObject({ status: 201 });
    await until('one session of ada', async () => (await app.run('list')).says === 1);
  });

  it('F69: clients that gave up leave no statements behind that would fill the server', async () => {
    const app = await startPostgresApp('fastify', barePool(address, { max: 4 }));
    const token = await app.visit();
    const lock = await holding('SELECT FROM token_session FOR UPDATE');
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 4 }, () => app.run('count', token)));
    }
    expect(await connections("wait_event_type = 'Lock'")).toBeLessThanOrEqual(4);
    await lock.end();
    await until('peace', async () => (await connections("wait_event_type = 'Lock'")) === 0);
    expect((await app.run('count', token)).status).toBe(201);
  });

  it('F75: the server has no connection left (53300): 503 at once, and it recovers', async () => {
    const app = await startPostgresApp('fastify', barePool(address, { idleTimeoutMillis: 1 }));
    const token = await app.visit();
    const others = barePool(address, { max: 100 });
    await until('no connection', async () => (await connections()) === 0);
    const held: PoolClient[] = [];
    for (;;) {
      const client = await others.connect().catch(() => undefined);
      if (client === undefined) break;
      held.push(client);
    }
    // The last ones are reserved for superusers, which the test is.
    expect(held.length).toBeGreaterThan(15);
    const [answer, ms] = await timed(() => app.run('read', token));
    expect(answer).toEqual(UNAVAILABLE);
    expect(ms).toBeLessThan(STORE_TIMEOUT);
    expect(app.reasons()).toMatch(/too many clients/);
    for (const client of held) client.release(true);
    await until('a session', async () => (await app.run('read', token)).status === 201);
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
  });

  it.each(['statement_timeout', 'lock_timeout'])(
    'F75: the %s of a role ends a statement: 503, not run',
    async (name) => {
      const grants = ['SELECT, INSERT, UPDATE, DELETE ON token_session, token_session_user'];
      const limited = await server.createRole(name, grants, address.database);
      await server.query(`ALTER ROLE "${name}" SET ${name} = '50ms'`);
      const app = await startPostgresApp('fastify', barePool(limited));
      const token = await app.visit();
      const lock = await holding('SELECT FROM token_session FOR UPDATE');
      const [answer, ms] = await timed(() => app.run('count', token));
      expect(answer).toEqual(UNAVAILABLE);
      expect(ms).toBeLessThan(STORE_TIMEOUT);
      await lock.end();
      expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
    },
  );
});
