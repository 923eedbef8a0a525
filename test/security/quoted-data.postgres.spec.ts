import { PostgresStore } from 'nestjs-token-session/postgres';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { endPools } from '../support/postgres/pools.js';
import { barePool, migrate } from '../support/postgres/postgres-app.js';
import { PostgresServer, stopServers } from '../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { MARKER, QuotingApp } from './support/quoting-app.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

/** What somebody did to the table, and what is told of it. The server's own log has the row, or the value. */
const FAULTS = [
  {
    title: 'a row that violates a constraint (DETAIL)',
    change: `ADD CONSTRAINT short CHECK (payload NOT LIKE '%${MARKER}%')`,
    reason: 'new row for relation "token_session" violates check constraint "short" (SQLSTATE 23514)',
    cause: { code: '23514', severity: 'ERROR', table: 'token_session', constraint: 'short' },
  },
  {
    title: 'a value of another type (the message)',
    change: 'ADD CHECK (payload::integer > 0)',
    reason: 'invalid input syntax for type integer (SQLSTATE 22P02)',
    cause: { code: '22P02', severity: 'ERROR' },
  },
  {
    title: 'a value that is not JSON (DETAIL, CONTEXT)',
    change: "ADD CHECK ((substr(payload, 3, 30) || 'x')::json IS NOT NULL)",
    reason: 'invalid input syntax for type json (SQLSTATE 22P02)',
    cause: { code: '22P02', severity: 'ERROR' },
  },
];

describe.each(PLATFORMS)('on %s', (platform) => {
  it.each(FAULTS)(
    'ASVS 16.2.5: what PostgreSQL quotes is in no event, line or error: $title',
    async ({ change, reason, cause }) => {
      const address = await server.createDatabase();
      await migrate(address);
      const app = await QuotingApp.start(platform, { store: new PostgresStore({ pool: barePool(address) }) });
      await server.query(`ALTER TABLE token_session ${change}`, [], address.database);
      const logged = server.log.length;

      expect((await app.write()).status).toBe(503);
      // What would be told if nothing was cut.
      expect(server.log.slice(logged)).toMatch(MARKER);
      expect(app.reasons('store_failed')).toEqual([reason]);
      expect(app.lines).toContainEqual(expect.stringMatching(/^store_failed/));
      expect(app.errors).toMatchObject([{ code: 'STORE_UNAVAILABLE', cause: { message: reason, ...cause } }]);
      expect(app.told()).not.toMatch(MARKER);
      expect(app.told()).not.toMatch(/"value"|\bdetail:|\bwhere:/);
    },
  );
});
