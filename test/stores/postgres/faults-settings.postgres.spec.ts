import pg from 'pg';
import { closeApps } from '../../support/app.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp, startPostgresFlight } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const TOKEN = expect.stringMatching(/^[\w-]{43}$/) as string;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const { BOOL, INT8, INT4, JSON: JSON_TEXT, JSONB, DATE, TIMESTAMP, TIMESTAMPTZ, NUMERIC } = pg.types.builtins;
const OIDS = [BOOL, INT8, INT4, JSON_TEXT, JSONB, DATE, TIMESTAMP, TIMESTAMPTZ, NUMERIC];

let server: PostgresServer;
let address: Address;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  address = await server.createDatabase();
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

describe.each(PLATFORMS)('clocks that differ, on %s', (platform) => {
  it.each([-DAY, -5 * MINUTE, 5 * MINUTE, DAY])(
    "C47: the application's clock is %d ms off the server's: it alone decides",
    async (offset) => {
      await migrate(address);
      let now = Date.now() + offset;
      const clock = (): number => now;
      const limits = { idleTimeout: 10 * MINUTE, absoluteTimeout: 30 * MINUTE, touchInterval: MINUTE };
      const session = { clock, storeTimeout: '5s', ...limits } as const;
      const flight = await startPostgresFlight(platform, barePool(address), session);
      const token = await flight.signIn();
      const other = await flight.visit();
      now += 9 * MINUTE - 1;
      expect(await flight.opening(token)).toEqual([true]);
      expect(await flight.run('read', token)).toMatchObject({ status: 201 });
      now += MINUTE + 1;
      expect(await flight.dataOf(other)).toBeUndefined();
      expect(await flight.opening(token)).toEqual([true]);
      expect(await flight.sessions.sweep()).toBe(1);
      now += 9 * MINUTE;
      expect(await flight.opening(token)).toEqual([false]);
      expect(await flight.sessions.list('ada')).toEqual([]);
      await flight.sessions.sweep();
      expect(await flight.sessions.count()).toBe(0);
    },
  );

  it('C47: two applications whose clocks are 5 minutes apart share sessions and users', async () => {
    await migrate(address);
    const ahead = await startPostgresFlight(platform, barePool(address), { clock: () => Date.now() + 5 * MINUTE });
    const behind = await startPostgresFlight(platform, barePool(address), { clock: () => Date.now() });
    const [one, two] = [await ahead.signIn(), await behind.signIn()];
    for (const flight of [ahead, behind]) {
      expect(await flight.opening(one, two)).toEqual([true, true]);
      expect((await flight.run('update', one)).status).toBe(201);
    }
    const again = await behind.signIn(one);
    expect(await ahead.opening(again, one, two)).toEqual([true, false, true]);
    expect(await behind.run('destroy-all', two)).toMatchObject({ says: 2 });
    expect(await ahead.opening(again, one, two)).toEqual([false, false, false]);
    expect(await ahead.dataOf(two)).toBeUndefined();
  });
});

describe('C51: what an application or its administrator has set otherwise', () => {
  const parsers = new Map(OIDS.map((oid) => [oid, pg.types.getTypeParser(oid)]));
  const zone = process.env['TZ'];

  afterEach(() => {
    for (const [oid, parser] of parsers) pg.types.setTypeParser(oid, parser);
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  /** Everything that the store does, with data that is hard to carry. */
  async function worksThrough(platform: (typeof PLATFORMS)[number], text = 'ä€😀\\x41\'"$1'): Promise<void> {
    const pool = barePool(address);
    const app = await startPostgresApp(platform, pool, { storeTimeout: '5s' });
    const { token } = await app.run('write');
    for (let count = 1; count <= 3; count++) expect((await app.run('count', token)).says).toBe(count);
    const login = await app.run('login', token, text);
    expect(login).toEqual({ status: 201, token: TOKEN, says: null });
    expect((await app.run('list', undefined, text)).says).toBe(1);
    const next = await app.run('regenerate', login.token);
    expect(await app.run('read', next.token)).toMatchObject({ says: { written: true, count: 3 } });
    const [listed] = await app.sessions.list(text);
    expect(Math.abs(Number(listed?.startedAt) - Date.now())).toBeLessThan(MINUTE);
    expect(await app.sessions.count()).toBeGreaterThan(0);
    expect((await app.run('sweep')).says).toBe(0);
    expect((await app.run('destroy-all', undefined, text)).says).toBe(1);
    expect(await app.run('is-there', next.token)).toMatchObject({ says: false });
    const left = (await app.run('write')).token;
    expect(await app.run('logout', left)).toEqual({ status: 201, token: '', says: null });
    await app.sessions.clear();
    expect(await app.sessions.count()).toBe(0);
    expect(app.tally().store_failed).toBeUndefined();
  }

  it.each([
    { by: 'int8 as BigInt', set: () => pg.types.setTypeParser(INT8, BigInt) },
    {
      by: 'int8 and int4 as numbers',
      set: () =>
        [INT8, INT4].forEach((oid) => {
          pg.types.setTypeParser(oid, Number);
        }),
    },
    { by: 'all times, json and numerics as text', set: () => OIDS.slice(3).forEach(asText) },
  ])('type parsers of pg: $by', async ({ set }) => {
    set();
    await migrate(address);
    await worksThrough('express');
  });

  it('settings of the database, and a process in another zone than that', async () => {
    process.env['TZ'] = 'Asia/Kolkata';
    const settings = {
      DateStyle: "'SQL, DMY'",
      TimeZone: "'America/St_Johns'",
      IntervalStyle: "'sql_standard'",
      standard_conforming_strings: 'off',
      backslash_quote: 'off',
      bytea_output: "'escape'",
      extra_float_digits: '-15',
      client_min_messages: 'debug1',
      search_path: "''",
      transform_null_equals: 'on',
      quote_all_identifiers: 'on',
      'plpgsql.variable_conflict': 'error',
    };
    for (const [name, value] of Object.entries(settings)) {
      await server.query(`ALTER DATABASE "${address.database}" SET ${name} = ${value}`);
    }
    await migrate(address);
    await worksThrough('fastify');
    await server.query(`ALTER DATABASE "${address.database}" SET plan_cache_mode = force_generic_plan`);
    await worksThrough('express');
  });

  it('a database that is not in UTF8 is refused at boot, as it would not carry all text', async () => {
    address = { ...address, database: 'in_latin1' };
    await server.query(`CREATE DATABASE in_latin1 ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`);
    await migrate(address);
    await expect(startPostgresApp('express', barePool(address))).rejects.toMatchObject({
      name: 'SessionConfigError',
      message: expect.stringMatching(/UTF8.*LATIN1/) as string,
    });
  });

  it('a client_encoding other than UTF8 alters nothing', async () => {
    await migrate(address);
    await server.query(`ALTER DATABASE "${address.database}" SET client_encoding = 'LATIN1'`);
    await worksThrough('express');
  });
});

function asText(oid: (typeof OIDS)[number]): void {
  pg.types.setTypeParser(oid, (text: string) => text);
}
