import { PostgresStore } from 'nestjs-token-session/postgres';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { endPools, poolOf } from '../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../support/postgres/postgres-server.js';
import { data, regenerate, ScriptedApp, type Script } from '../support/scripted.js';

const NAMES = [
  'x"; DROP TABLE canary; --',
  `x'); DROP TABLE canary; --`,
  `x\\'); DROP TABLE canary; --`,
  'a"."b',
  '%I:1?',
];
const begin: Script = (session) => void (session['cart'] = 'full');

let server: PostgresServer;
let database: Address;

beforeAll(async () => {
  server = await PostgresServer.start();
  database = await server.createDatabase();
  await server.query('CREATE TABLE canary (x int)', [], database.database);
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

describe.each(PLATFORMS)('sessions in PostgreSQL, on %s', (platform) => {
  describe('CVE-2019-15658: connect-pg-simple: the name of the table could be SQL', () => {
    it.each(NAMES)('CVE-2019-15658: %j is a name and that is all it is', async (name) => {
      const pool = poolOf(database);
      const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
      await server.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(name)}`, [], database.database);
      for (const options of [
        { pool, table: name },
        { pool, table: name, schema: name },
      ]) {
        const store = new PostgresStore(options);
        await store.migrate();
        const app = await ScriptedApp.start(platform, { store });
        const token = await app.signIn();
        await app.run(begin, token);
        await app.run((session) => session.touch(), token);
        expect(await app.sessions.list('ada')).toHaveLength(1);
        expect([await app.sessions.count(), await app.sessions.sweep()]).toEqual([1, 0]);
        expect(await app.sessions.destroyAll('ada')).toBe(1);
        await app.sessions.clear();
        const at = `${quoted('schema' in options ? name : 'public')}.${quoted(name)}`;
        expect(await server.query(`SELECT * FROM ${at}`, [], database.database)).toEqual([]);
      }
      expect(await server.query('SELECT * FROM canary', [], database.database)).toEqual([]);
    });

    it.each(['x$y', 'a\0b', '', 'x'.repeat(64)])('CVE-2019-15658: %j is refused at boot', (table) => {
      expect(() => new PostgresStore({ pool: poolOf(database), table })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    });
  });

  describe('CVE-2019-16782: Rack and Rails: ids were looked up as they are, so that time told how near one was', () => {
    it('CVE-2019-16782: no row and no row of the user holds a token', async () => {
      const store = new PostgresStore({ pool: poolOf(database), table: `dump_${platform}` });
      await store.migrate();
      const app = await ScriptedApp.start(platform, { store });
      const first = (await app.run(begin)).issued as string;
      const second = (await app.run(regenerate, first)).issued as string;
      const third = await app.signIn('ada', { keep: ['cart'] });
      const rows = await Promise.all(
        ['', '_user'].map((suffix) => server.query(`SELECT * FROM dump_${platform}${suffix}`, [], database.database)),
      );
      expect(rows.map((each) => each.length)).toEqual([expect.any(Number), 1]);
      const dump = rows
        .flat()
        .map((row) => JSON.stringify(row))
        .join('\n');
      for (const token of [first, second, third]) {
        expect(dump).not.toContain(token);
        expect(dump).not.toContain(Buffer.from(token).toString('hex'));
        expect(dump).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
      }
      // What stands there is no token.
      const ids = (await app.sessions.list('ada')).map(({ id }) => id);
      expect(ids).toHaveLength(1);
      expect((await app.run(data, ids[0] as string)).result).toEqual({});
    });
  });
});
