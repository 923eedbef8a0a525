import type { Pool } from 'pg';
import { closeApps } from '../../support/app.js';
import { UNAVAILABLE } from '../../support/faults-app.js';
import { PLATFORMS, type Platform } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp, type PostgresApp } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const TOKEN = expect.stringMatching(/^[\w-]{43}$/) as string;
const READ = { status: 201, token: undefined, says: { written: true } };
const ENDED = { status: 201, token: undefined, says: {} };
const LOGGED_OUT = { status: 201, token: '', says: null };
const TABLES = 'token_session, token_session_user';
const OPERATIONS = ['read', 'write', 'count', 'login', 'logout'];

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

const backends = async (): Promise<unknown[]> =>
  (await server.query('SELECT pid FROM pg_stat_activity WHERE datname = $1', [address.database])).map(({ pid }) => pid);

const sql = (text: string): Promise<unknown> => server.query(text, [], address.database);

async function open(platform: Platform): Promise<void> {
  address = await server.createDatabase();
  await migrate(address);
  pool = barePool(address);
  app = await startPostgresApp(platform, pool, { storeTimeout: '5s' });
  token = await app.visit();
  app.events.length = 0;
}

/** On the connections that are open, as new ones would be asked again. */
async function works(): Promise<void> {
  expect(await app.run('write')).toMatchObject({ status: 201, token: TOKEN });
  expect(await app.run('login')).toMatchObject({ status: 201, token: TOKEN });
}

describe.each(PLATFORMS)('a PostgreSQL that refuses, on %s', (platform) => {
  beforeEach(() => open(platform));

  it('F75, F77, F78: a database that only reads: writes are refused and told so, a failed logout too', async () => {
    await sql(`ALTER DATABASE "${address.database}" SET default_transaction_read_only = on`);
    await server.terminateBackends(`datname = '${address.database}'`);
    expect(await app.run('read', token)).toEqual(READ);
    for (const operation of ['count', 'login', 'logout', 'write']) {
      const of = operation === 'write' ? undefined : token;
      expect([operation, await app.run(operation, of)]).toEqual([operation, UNAVAILABLE]);
    }
    expect(app.reasons()).toMatch(/only reads.*primary/);
    // Told also where the handler takes no notice, for which the session is dead.
    expect(await app.run('logout-and-look', token)).toEqual(UNAVAILABLE);
    expect(app.looked).toEqual({ outcomes: ['STORE_UNAVAILABLE', 'SESSION_DESTROYED'], session: undefined });
    await server.query(`ALTER DATABASE "${address.database}" RESET default_transaction_read_only`);
    await server.terminateBackends(`datname = '${address.database}'`);
    expect(await app.run('read', token)).toEqual(READ);
    await works();
    expect(app.tally().store_recovered).toBeGreaterThan(0);
    expect(await app.run('logout', token)).toEqual(LOGGED_OUT);
  });

  it('F73: tables that are emptied sign out, and are no error', async () => {
    const ada = (await app.run('login', token)).token as string;
    await sql(`TRUNCATE ${TABLES}`);
    expect(await app.run('read', ada)).toEqual(ENDED);
    expect(await app.run('logout', ada)).toMatchObject({ status: 201 });
    const again = await app.run('login', ada);
    expect(again).toMatchObject({ status: 201, token: expect.stringMatching(/^[\w-]{43}$/) as string });
    expect(again.token).not.toBe(ada);
    expect(await app.sessions.list('ada')).toHaveLength(1);
    expect(app.tally().store_failed).toBeUndefined();
  });
});

describe('a PostgreSQL that refuses', () => {
  beforeEach(() => open('fastify'));

  it('F73: one table that is emptied alone: without its entry a session of a user goes on, without its record it is gone', async () => {
    const ada = (await app.run('login', token)).token as string;
    await sql('TRUNCATE token_session_user');
    expect(await app.run('read', ada)).toEqual(READ);
    expect((await app.run('login', ada)).status).toBe(201);
    await sql('TRUNCATE token_session');
    expect(await app.run('read', ada)).toEqual(ENDED);
    expect((await app.run('login')).status).toBe(201);
    expect((await app.run('destroy-all')).status).toBe(201);
    expect(app.tally().store_failed).toBeUndefined();
  });

  it('S55: tables that are dropped while it runs: 503 with the remedy; after migrate() it works on the same connections', async () => {
    await app.run('login', token);
    const before = await backends();
    await sql(`DROP TABLE ${TABLES}`);
    for (const operation of OPERATIONS) {
      expect([operation, await app.run(operation, token)]).toEqual([operation, UNAVAILABLE]);
    }
    expect(await app.run('write')).toEqual(UNAVAILABLE);
    expect(app.reasons()).toMatch(/migrate\(\)/);
    await app.store.migrate();
    expect(await app.run('read', token)).toEqual(ENDED);
    await works();
    expect(await backends()).toEqual(expect.arrayContaining(before));
  });

  it('S55: functions that are dropped while it runs fail logins with the remedy, until migrate()', async () => {
    await sql('DROP FUNCTION token_session_user_add, token_session_user_settle');
    expect(await app.run('login', token)).toEqual(UNAVAILABLE);
    expect(app.reasons()).toMatch(/function.*migrate\(\)/);
    expect(await app.run('read', token)).toEqual(READ);
    await app.store.migrate();
    await works();
  });

  it('law 9: columns that are added and types that are altered under prepared statements harm no request', async () => {
    const ada = (await app.run('login')).token as string;
    for (const change of [
      'ALTER TABLE token_session ADD COLUMN note text',
      'ALTER TABLE token_session ALTER COLUMN payload TYPE varchar',
      'ALTER TABLE token_session ALTER COLUMN started_at TYPE numeric',
      'ALTER TABLE token_session_user ADD COLUMN note text',
      'ALTER TABLE token_session_user ALTER COLUMN id TYPE varchar',
    ]) {
      await sql(change);
      expect([change, await app.run('read', token)]).toEqual([change, READ]);
      expect([change, (await app.run('list', ada)).says]).toEqual([change, 1]);
    }
    expect((await app.run('count', token)).says).toBe(1);
    expect(app.tally().store_failed).toBeUndefined();
  });

  it.each(['repeatable read', 'serializable'])(
    'law 5: a role whose transactions are %s is refused at boot',
    async (level) => {
      const role = level.replace(' ', '_');
      const grants = [`SELECT, INSERT, UPDATE, DELETE ON ${TABLES}`];
      const strict = await server.createRole(role, grants, address.database);
      await server.query(`ALTER ROLE "${role}" SET default_transaction_isolation = '${level}'`);
      await expect(startPostgresApp('fastify', barePool(strict))).rejects.toMatchObject({
        name: 'SessionConfigError',
        code: 'INVALID_STORE',
        message: expect.stringMatching(/READ COMMITTED.*ALTER ROLE/) as string,
      });
    },
  );

  it('F75: a role that may only read is refused at boot', async () => {
    const reader = await server.createRole('reader', [`SELECT, INSERT, UPDATE, DELETE ON ${TABLES}`], address.database);
    await server.query('ALTER ROLE reader SET default_transaction_read_only = on');
    await expect(startPostgresApp('fastify', barePool(reader))).rejects.toMatchObject({
      name: 'SessionConfigError',
      code: 'INVALID_STORE',
      message: expect.stringMatching(/only read.*ALTER ROLE/) as string,
    });
  });

  it('law 9: the victim of a deadlock is run again, and counts once', async () => {
    await sql(`ALTER DATABASE "${address.database}" SET deadlock_timeout = '20ms'`);
    await server.terminateBackends(`datname = '${address.database}'`);
    // A trigger of the application's: along with a session that counts, another row changes, once the gate is open.
    await sql('CREATE TABLE other AS SELECT 1 AS n');
    await sql(`CREATE FUNCTION along() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock(1); UPDATE other SET n = n + 1; RETURN NEW; END $$`);
    await sql('CREATE TRIGGER along AFTER UPDATE ON token_session FOR EACH ROW EXECUTE FUNCTION along()');
    const [gate, rival] = [await barePool(address).connect(), await barePool(address).connect()];
    const waiting = (number: number): Promise<unknown> =>
      until('locks that are waited for', async () => {
        const where = `datname = '${address.database}' AND wait_event_type = 'Lock'`;
        return (await server.query(`SELECT FROM pg_stat_activity WHERE ${where}`)).length === number;
      });
    await gate.query('SELECT pg_advisory_lock(1)');
    await rival.query("SET deadlock_timeout = '60s'");
    await rival.query('BEGIN');
    await rival.query('UPDATE other SET n = 10');
    const counting = app.run('count', token);
    await waiting(1);
    const crossing = rival.query('SELECT FROM token_session FOR UPDATE');
    await waiting(2);
    await gate.query('SELECT pg_advisory_unlock(1)');
    // The store's statement is the victim, and what the rival wants is free.
    await crossing;
    await rival.query('ROLLBACK');
    for (const client of [gate, rival]) client.release(true);
    expect(await counting).toMatchObject({ status: 201, says: 1 });
    expect(server.log).toContain('deadlock detected');
    expect(app.tally().store_failed).toBeUndefined();
    expect(await server.query('SELECT n FROM other', [], address.database)).toEqual([{ n: 2 }]);
  });
});
