import { PostgresStore } from 'nestjs-token-session/postgres';
import { idOf } from '../../lib/session-token.js';
import { closeApps } from '../support/app.js';
import { program, run } from '../support/postgres/installation.js';
import { endPools, poolOf } from '../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../support/postgres/postgres-server.js';
import { statements } from '../support/postgres/statistics.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { LeakFlows } from './support/leak-flows.js';
import { COOKIE, HEADER } from '../support/carriers.js';

/** All that PostgreSQL can write of a statement: its parameters too, and those of statements that failed. */
const TALKATIVE = `
log_statement = 'all'
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_error_verbosity = verbose
log_connections = on
track_activity_query_size = 16384
`;

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start({ config: TALKATIVE });
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

it.each([
  { platform: 'express', title: HEADER.name, ...HEADER },
  { platform: 'fastify', title: COOKIE.name, ...COOKIE },
] as const)(
  'ASVS 11.2.4, CVE-2023-20866: no token is in any row, statement, activity or line of the log of PostgreSQL: $title, $platform',
  async ({ platform, ...way }) => {
    const database = await server.createDatabase();
    const store = new PostgresStore({ pool: poolOf(database) });
    await store.migrate();
    const flows = await LeakFlows.start({ platform, way, store });
    const { looking } = flows;
    await flows.everything();
    const token = await flows.ask('login');

    const dump = await run(
      program('pg_dump'),
      ...['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', '--inserts', database.database],
    );
    looking.hear('pg_dump', dump);
    looking.hear('pg_stat_statements', await statements(server, database.database));
    looking.hear('pg_stat_activity', await server.query('SELECT * FROM pg_stat_activity'));
    looking.hear('the log', server.log);

    // What would be seen if it were there.
    const id = idOf(token);
    expect([dump, server.log].map((text) => text.includes(id))).toEqual([true, true]);
    flows.verify();
  },
  180_000,
);
