import { PostgresStore, postgresSchema } from 'nestjs-token-session/postgres';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { hostOf, idOf, openStore, recordOf } from './subject.js';

let server: PostgresServer;
let database: Address;

beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  database = await server.createDatabase();
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

/** Every row of the catalogue that migrate() could write, with the number of the transaction that wrote it. */
const catalogue = (): Promise<object[]> =>
  server.query(
    `SELECT 'c' AS kind, oid, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
     UNION ALL SELECT 'p', oid, xmin::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     UNION ALL SELECT 'i', indexrelid, xmin::text FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
     ORDER BY 1, 2`,
    [],
    database.database,
  );

describe('migrate()', () => {
  it('changes nothing the second time', async () => {
    const store = new PostgresStore({ pool: poolOf(database) });
    await store.migrate();
    const before = await catalogue();
    expect(before.length).toBeGreaterThan(10);
    await store.migrate();
    expect(await catalogue()).toEqual(before);
  });

  it.each(Array.from({ length: 10 }, (_, round) => round + 1))(
    'R65: two processes at once make one schema, and both succeed (round %i)',
    async () => {
      const pools = [1, 2].map(() => poolOf(database));
      // Both connected, so that both begin at the same time.
      await Promise.all(pools.map((pool) => pool.query('SELECT 1')));
      const stores = pools.map((pool) => new PostgresStore({ pool }));
      await Promise.all(stores.map((store) => store.migrate()));
      for (const store of stores) await store.attach(hostOf());
    },
  );

  it('R65: eight at once, with two tables between them', async () => {
    const stores = Array.from(
      { length: 8 },
      (_, index) => new PostgresStore({ pool: poolOf(database), table: `t${String(index % 2)}` }),
    );
    await Promise.all(stores.map((store) => store.migrate()));
    await Promise.all(stores.map((store) => store.attach(hostOf())));
  });

  it('keeps what is stored', async () => {
    const store = await openStore({ pool: poolOf(database) });
    const record = recordOf('v1', { userId: 'ada' });
    await store.create(idOf('a'), record);
    await store.users.add('ada', idOf('a'), 60_000, {});
    await store.migrate();
    expect(await store.load(idOf('a'))).toEqual(record);
    expect(await store.users.list('ada')).toEqual([{ id: idOf('a'), settled: false }]);
  });

  it('makes what is missing: a table, an index, a function', async () => {
    const store = await openStore({ pool: poolOf(database) });
    await store.create(idOf('a'), recordOf('v1'));
    const whole = (await catalogue()).length;
    await poolOf(database).query('DROP TABLE token_session_user CASCADE');
    await poolOf(database).query('DROP INDEX token_session_sweep');
    await poolOf(database).query('DROP FUNCTION token_session_user_remove');
    await store.migrate();
    await store.attach(hostOf());
    expect(await catalogue()).toHaveLength(whole);
    expect(await store.count()).toBe(1);
  });

  it('makes all or nothing', async () => {
    const pool = poolOf(database);
    // Something else has the name of an index of the second table.
    await pool.query('CREATE TYPE token_session_user AS ENUM ()');
    await expect(new PostgresStore({ pool }).migrate()).rejects.toThrow('token_session_user');
    const { rows } = await pool.query(`SELECT 1 FROM pg_class WHERE relname = 'token_session'`);
    expect(rows).toEqual([]);
  });
});

describe('migrate() on a database in use', () => {
  it('does not wait for a transaction that has written to the tables, and others do not wait for it', async () => {
    const store = await openStore({ pool: poolOf(database) }, hostOf(Date.now, 1_000));
    for (const name of ['a', 'b']) await store.create(idOf(name), recordOf('v1'));
    await store.users.add('ada', idOf('a'), 60_000, {});
    const client = await poolOf(database).connect();
    await client.query('BEGIN');
    await client.query('UPDATE token_session SET used_at = used_at WHERE id = $1', [idOf('a')]);
    await client.query('UPDATE token_session_user SET settled = settled');
    const migrating = new PostgresStore({ pool: poolOf(database, { lock_timeout: 1_000 }) }).migrate();
    const done = migrating.then(
      () => 'done',
      (error: unknown) => String(error),
    );
    expect(await store.update(idOf('b'), recordOf('v2'), 'v1')).toEqual({ status: 'updated' });
    expect(await done).toBe('done');
    await client.query('ROLLBACK');
    client.release();
  });

  it('R65: waits for nobody who reads: a dump, say', async () => {
    const store = await openStore({ pool: poolOf(database) });
    const client = await poolOf(database).connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT * FROM token_session, token_session_user');
    await store.migrate();
    await client.query('ROLLBACK');
    client.release();
  });

  it.each(PLATFORMS)('requests go on, on %s', async (platform) => {
    const store = new PostgresStore({ pool: poolOf(database) });
    await store.migrate();
    const { url } = await startApp(platform, { controllers: [CounterController], session: { store } });
    const { token } = await call(url, '/views', { method: 'POST' });
    const instances = Array.from({ length: 5 }, () => new PostgresStore({ pool: poolOf(database) }));
    const migrations = Promise.all(instances.map((instance) => instance.migrate()));
    for (let views = 2; views <= 30; views++) {
      const answer = await call(url, '/views', { method: 'POST', token });
      expect([answer.status, answer.json()]).toEqual([201, { views }]);
    }
    await migrations;
  });
});

describe('13.2.2: migrate() and rights', () => {
  it('a role that may not create is told, and nothing is left', async () => {
    const role = await server.createRole(`maker_${database.database}`, [], database.database);
    const migrating = new PostgresStore({ pool: poolOf(role) }).migrate();
    await expect(migrating).rejects.toThrow(/permission denied for schema public|may not create/);
    expect(await catalogue()).toEqual([]);
  });

  it('a schema that is missing is told', async () => {
    const migrating = new PostgresStore({ pool: poolOf(database), schema: 'nowhere' }).migrate();
    await expect(migrating).rejects.toThrow(/schema.* (?:does not exist|is not there)/);
  });

  it('a role that may create needs no more than that, and owns what it made', async () => {
    const role = await server.createRole(
      `owner_${database.database}`,
      ['CREATE, USAGE ON SCHEMA public'],
      database.database,
    );
    const store = await openStore({ pool: poolOf(role) });
    expect(await store.create(idOf('a'), recordOf('v1'))).toBe(true);
    await store.migrate();
  });
});

it('R65: the statements of postgresSchema() in one transaction under a lock are safe for two at once, too', async () => {
  const text = `SELECT pg_advisory_xact_lock(1);\n${postgresSchema().join(';\n')}`;
  await Promise.all([poolOf(database), poolOf(database)].map((pool) => pool.query(text)));
  await new PostgresStore({ pool: poolOf(database) }).attach(hostOf());
});
