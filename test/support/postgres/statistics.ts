import type { PostgresServer } from './postgres-server.js';

export interface Statement {
  /** With `$1` in the place of values that the text had. */
  text: string;
  /** Of those that succeeded. */
  calls: number;
  rows: number;
}

export interface TableStats {
  inserted: number;
  updated: number;
  /** Of the updated: without touching an index. */
  hotUpdated: number;
  deleted: number;
  live: number;
  dead: number;
}

/** From pg_stat_statements. */
export async function statements(server: PostgresServer, database: string): Promise<Statement[]> {
  await withExtension(server);
  return server.query<Statement & Record<string, unknown>>(
    `SELECT query AS text, sum(calls)::int AS calls, sum(rows)::int AS rows FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1) GROUP BY query ORDER BY calls DESC, text`,
    [database],
  );
}

export async function resetStatements(server: PostgresServer, database: string): Promise<void> {
  await withExtension(server);
  await server.query('SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = $1', [database]);
}

async function withExtension(server: PostgresServer): Promise<void> {
  const [there] = await server.query(`SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'`);
  if (there === undefined) await server.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
}

/** From pg_stat_user_tables. */
export async function tableStats(server: PostgresServer, database: string, table: string): Promise<TableStats> {
  await server.terminateBackends(`datname = '${database}' AND state = 'idle'`);
  const [row] = await server.query<TableStats & Record<string, unknown>>(
    `SELECT n_tup_ins::int AS inserted, n_tup_upd::int AS updated, n_tup_hot_upd::int AS "hotUpdated",
       n_tup_del::int AS deleted, n_live_tup::int AS live, n_dead_tup::int AS dead
     FROM pg_stat_user_tables WHERE relid = $1::regclass`,
    [table],
    database,
  );
  if (row === undefined) throw new Error(`No table ${table} in ${database}`);
  return row;
}
