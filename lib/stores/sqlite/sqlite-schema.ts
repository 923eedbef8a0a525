import { quoted, type SqliteDatabase } from './sqlite-database.js';

/** The names of one store's tables, as SQL. */
export interface SqliteTables {
  readonly sessions: string;
  readonly users: string;
}

/** In the database's own schema: a temporary table of that name would come first otherwise. */
export function tablesOf(table: string): SqliteTables {
  return { sessions: `main.${quoted(table)}`, users: `main.${quoted(`${table}_user`)}` };
}

/** When a session ends, as {@link endOf} has it. */
export const ENDS_AT = 'min(used_at + idle_timeout, started_at + absolute_timeout)';

/**
 * The tables of one store, and their indexes.
 *
 * `sweep_at` is when the sweep looks at a session: when it ended as it was created, or earlier. That it was used since
 * is found out then; so using it changes no index.
 */
function statementsFor(table: string): string[] {
  const { sessions, users } = tablesOf(table);
  const index = (name: string): string => `main.${quoted(`${table}_${name}`)}`;
  return [
    `CREATE TABLE IF NOT EXISTS ${sessions} (
      id TEXT NOT NULL PRIMARY KEY,
      payload TEXT NOT NULL,
      version TEXT NOT NULL,
      user_id TEXT,
      started_at INTEGER NOT NULL,
      used_at INTEGER NOT NULL,
      idle_timeout INTEGER NOT NULL,
      absolute_timeout INTEGER NOT NULL,
      sweep_at INTEGER NOT NULL
    )`,
    `CREATE INDEX IF NOT EXISTS ${index('sweep_at')} ON ${quoted(table)} (sweep_at)`,
    `CREATE TABLE IF NOT EXISTS ${users} (
      user_id TEXT NOT NULL,
      id TEXT NOT NULL,
      ends_at INTEGER NOT NULL,
      settled INTEGER NOT NULL,
      revoked INTEGER NOT NULL,
      replaces TEXT,
      replaced TEXT,
      PRIMARY KEY (user_id, id)
    ) WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS ${index('user_ends_at')} ON ${quoted(`${table}_user`)} (ends_at)`,
  ];
}

/** Creates what is missing. Within a transaction, as others may do the same. */
export function createTables(database: SqliteDatabase, table: string): void {
  for (const sql of statementsFor(table)) database.exec(sql);
}
