import { Injectable } from '@nestjs/common';
import { session, SessionModule, type SessionOptions } from 'nestjs-token-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import type { Pool } from 'pg';
import { closeApps, startApp, type AppPlan } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { freePort } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { hostOf } from './subject.js';

/** What is wrong with a database that was all right, and what the boot error has to say. */
const FAULTS: [string, string, RegExp][] = [
  ['no table of sessions', 'DROP TABLE token_session', /a table is not there: run migrate\(\)/],
  ['no table of users', 'DROP TABLE token_session_user', /a table is not there: run migrate\(\)/],
  ['a column is missing', 'ALTER TABLE token_session DROP version', /another layout: run migrate\(\)/],
  ['sweep_at is missing', 'ALTER TABLE token_session DROP sweep_at', /another layout: run migrate\(\)/],
  ['a column of users is missing', 'ALTER TABLE token_session_user DROP replaced', /another layout: run migrate\(\)/],
  [
    'the table of connect-pg-simple',
    'DROP TABLE token_session; CREATE TABLE token_session (sid varchar PRIMARY KEY, sess json, expire timestamp)',
    /another layout: run migrate\(\), or name another table/,
  ],
  [
    'a column has another type',
    'ALTER TABLE token_session ALTER payload TYPE jsonb USING payload::jsonb',
    /layout|type/,
  ],
  ['times as timestamps', 'ALTER TABLE token_session ALTER used_at TYPE timestamptz USING now()', /layout|type/],
  ['no primary key', 'ALTER TABLE token_session DROP CONSTRAINT token_session_pkey', /layout|primary key/],
  ...['add', 'settle', 'revoke', 'remove'].map((name): [string, string, RegExp] => [
    `no function ${name}`,
    `DO $$ BEGIN EXECUTE (SELECT 'DROP FUNCTION ' || oid::regprocedure FROM pg_proc WHERE proname = 'token_session_user_${name}'); END $$`,
    /a function is not there: run migrate\(\)/,
  ]),
];

/** What a role may not do, or does otherwise. */
const ROLES: [string, string, RegExp][] = [
  ['may do nothing', 'REVOKE ALL ON SCHEMA public FROM PUBLIC, app', /GRANT .*USAGE on the schema/],
  ['may not read sessions', 'REVOKE SELECT ON token_session FROM app', /GRANT SELECT, INSERT, UPDATE, DELETE/],
  ['may not read users', 'REVOKE SELECT ON token_session_user FROM app', /GRANT SELECT, INSERT, UPDATE, DELETE/],
  ...['INSERT', 'UPDATE', 'DELETE'].flatMap((right) =>
    ['token_session', 'token_session_user'].map((table): [string, string, RegExp] => [
      `may not ${right} in ${table}`,
      `REVOKE ${right} ON ${table} FROM app`,
      /GRANT SELECT, INSERT, UPDATE, DELETE/,
    ]),
  ),
  ['may not run the functions', 'REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC', /EXECUTE/],
  [
    'has repeatable read',
    `ALTER ROLE app SET default_transaction_isolation = 'repeatable read'`,
    /REPEATABLE READ.*ALTER ROLE … SET default_transaction_isolation = 'read committed'/,
  ],
  [
    'has serializable',
    `ALTER ROLE app SET default_transaction_isolation = 'serializable'`,
    /SERIALIZABLE.*ALTER ROLE … SET default_transaction_isolation/,
  ],
  ['only reads', 'ALTER ROLE app SET default_transaction_read_only = on', /read/],
];

let server: PostgresServer;
let database: Address;

beforeAll(async () => {
  server = await PostgresServer.start();
  const template = await server.createDatabase('template');
  await new PostgresStore({ pool: poolOf(template) }).migrate();
  await endPools();
});
beforeEach(async () => {
  database = { ...server.config, database: `d${String(++databases)}` };
  await server.query(`CREATE DATABASE ${database.database} TEMPLATE template`);
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

let databases = 0;

function run(text: string): Promise<unknown> {
  return server.query(text, [], database.database);
}

/** The ways to hand a store to Nest. */
const WAYS: [string, (pool: Pool, options: SessionOptions) => NonNullable<AppPlan['imports']>][] = [
  ['forRoot', (pool, options) => [SessionModule.forRoot(new PostgresStore({ pool }), options)]],
  [
    'forRootAsync',
    (pool, options) => [
      SessionModule.forRootAsync({ useFactory: () => ({ ...options, store: new PostgresStore({ pool }) }) }),
    ],
  ],
  [
    'a store class',
    (pool, options) => {
      @Injectable()
      class AppStore extends PostgresStore {
        constructor() {
          super({ pool });
        }
      }
      return [SessionModule.forRoot(AppStore, options)];
    },
  ],
];

/** As the documentation has pools; without it there is a notice. */
const TIMED = { connectionTimeoutMillis: 2_000 };

const silent = { warn: () => undefined, error: () => undefined };

describe.each(WAYS)('S55: a wrong database ends the boot of Nest, %s', (_name, imports) => {
  it.each(PLATFORMS)('with the remedy, on %s', async (platform) => {
    await run('DROP TABLE token_session');
    const plan = { controllers: [CounterController], imports: imports(poolOf(database), { logger: silent }) };
    await expect(startApp(platform, plan)).rejects.toMatchObject({
      name: 'SessionConfigError',
      code: 'INVALID_STORE',
      message: expect.stringMatching(/^PostgresStore: a table is not there: run migrate\(\).*"public\.token_session"/),
    });
  });

  it('and none that is right', async () => {
    const plan = { controllers: [CounterController], imports: imports(poolOf(database), { logger: silent }) };
    const { url } = await startApp('express', plan);
    expect((await call(url, '/views', { method: 'POST' })).status).toBe(201);
  });
});

describe('S55: the boot error names the remedy when', () => {
  it.each(FAULTS)('%s', async (_name, fault, remedy) => {
    await run(fault);
    const attaching = new PostgresStore({ pool: poolOf(database) }).attach(hostOf());
    await expect(attaching).rejects.toMatchObject({ code: 'INVALID_STORE', message: expect.stringMatching(remedy) });
  });

  it('the schema is missing', async () => {
    const attaching = new PostgresStore({ pool: poolOf(database), schema: 'nowhere' }).attach(hostOf());
    await expect(attaching).rejects.toMatchObject({
      code: 'INVALID_STORE',
      message: expect.stringMatching(/run migrate\(\).*"nowhere\.token_session"/),
    });
  });

  it('the encoding can not hold what people write', async () => {
    await server.query(`CREATE DATABASE l${database.database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    const store = new PostgresStore({ pool: poolOf({ ...database, database: `l${database.database}` }) });
    const opening = store.migrate().then(() => store.attach(hostOf()));
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_STORE', message: expect.stringMatching(/UTF8/) });
  });

  it('another function of the same name stands beside ours: that is none', async () => {
    await run(`CREATE FUNCTION token_session_user_add(text) RETURNS text LANGUAGE sql AS 'SELECT $1'`);
    await new PostgresStore({ pool: poolOf(database) }).attach(hostOf());
  });
});

describe('13.2.2, S55: the boot error names the remedy when the role', () => {
  beforeAll(() => server.query('CREATE ROLE app LOGIN'));
  beforeEach(() => run('GRANT SELECT, INSERT, UPDATE, DELETE ON token_session, token_session_user TO app'));
  afterEach(() => server.query('ALTER ROLE app RESET ALL'));

  it.each(ROLES)('%s', async (_name, change, remedy) => {
    await run(change);
    const attaching = new PostgresStore({ pool: poolOf({ ...database, user: 'app' }) }).attach(hostOf());
    await expect(attaching).rejects.toMatchObject({ code: 'INVALID_STORE', message: expect.stringMatching(remedy) });
  });
});

describe.each(PLATFORMS)(
  'F67: a server that is away does not keep the application from starting, on %s',
  (platform) => {
    it('is told once, answered with 503, and served when it comes', async () => {
      const port = await freePort();
      const pool = poolOf({ ...server.config, port }, TIMED);
      const lines: string[] = [];
      const logger = { warn: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
      const { url } = await startApp(platform, {
        controllers: [CounterController],
        session: { store: new PostgresStore({ pool }), logger },
      });
      expect(lines).toEqual([expect.stringContaining('ECONNREFUSED')]);
      expect((await call(url, '/views', { method: 'POST' })).status).toBe(503);
      const late = await PostgresServer.start({ port });
      await new PostgresStore({ pool: poolOf(late.config) }).migrate();
      await until('a session', async () => (await call(url, '/views', { method: 'POST' })).status === 201);
    });
  },
);

it('S55: session(), which nobody waits for, tells what is wrong', async () => {
  await run('DROP TABLE token_session');
  const lines: string[] = [];
  const logger = { warn: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
  const { close } = session({ store: new PostgresStore({ pool: poolOf(database, TIMED) }), logger });
  await until('a line', () => lines.length > 0);
  expect(lines).toEqual([expect.stringContaining('a table is not there: run migrate()')]);
  await close();
});

it('F68: a pool that waits for ever for a connection is told of, once; one that does not is not', async () => {
  const [without, timed] = [hostOf(), hostOf()];
  await new PostgresStore({ pool: poolOf(database) }).attach(without);
  await new PostgresStore({ pool: poolOf(database, TIMED) }).attach(timed);
  expect(without.notices).toEqual([expect.stringMatching(/connectionTimeoutMillis.*new Pool\(/)]);
  expect(timed.notices).toEqual([]);
});
