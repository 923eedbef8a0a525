// A PostgreSQL and what the benchmark asks about it, in a process that ends with its parent.
import { answerParent } from '../processes.js';
import { BackendCpu } from './backend-cpu.js';
import { startPostgres } from './postgres-server.js';

// So that the server is ended, too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit());

const { client, port } = await startPostgres();
await client.query('CREATE EXTENSION pg_stat_statements');
const cpu = new BackendCpu(client);

answerParent({
  /** Makes a database of this name. */
  async open(name) {
    await client.query(`CREATE DATABASE "${name}"`);
    return port;
  },

  async version() {
    const { rows } = await client.query('SHOW server_version');
    return rows[0].server_version;
  },

  /** µs of CPU time of the processes that serve connections to a database, since it was made. */
  cpu: (name) => cpu.of(name),

  /** Counts statements of a database from now on. */
  async watch(name) {
    await client.query('SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = $1', [name]);
  },

  /** How many there were, by their first word. What a function runs is no statement of a client. */
  async watched(name) {
    const { rows } = await client.query(
      `SELECT upper(substring(query FROM '\\w+')) AS word, sum(calls)::int AS calls FROM pg_stat_statements
       WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1) GROUP BY 1 ORDER BY 2 DESC, 1`,
      [name],
    );
    return Object.fromEntries(rows.map(({ word, calls }) => [word, calls]));
  },
});
