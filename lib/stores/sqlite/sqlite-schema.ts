import { quoted, type SqliteDatabase } from './sqlite-database.js';

/** The names of one store's tables, as SQL. */
export interface SqliteTables {
  readonly sessions: string;
  readonly users: string;
  /** The indexes of `users` that statements take by name. */
  readonly userIndexes: { readonly revoked: string; readonly replaces: string; readonly replaced: string };
}

/** In the database's own schema: a temporary table of that name would come first otherwise. */
export function tablesOf(table: string): SqliteTables {
  const index = (column: string): string => quoted(`${table}_user_${column}`);
  return {
    sessions: `main.${quoted(table)}`,
    users: `main.${quoted(`${table}_user`)}`,
    userIndexes: { revoked: index('revoked'), replaces: index('replaces'), replaced: index('replaced') },
  };
}

/** When a session ends, as {@link endOf} has it. */
export const ENDS_AT = 'min(used_at + idle_timeout, started_at + absolute_timeout)';

/**
 * The tables of one store, and their indexes.
 *
 * `sweep_at` is when the sweep looks at a session: when it ended as it was created, or earlier. That it was used since
 * is found out then; so using it changes no index.
 *
 * The indexes of entries by what few of them have: a plain login changes none of them.
 */
function statementsFor(table: string): string[] {
  const { sessions, users, userIndexes } = tablesOf(table);
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
    `CREATE INDEX IF NOT EXISTS main.${userIndexes.revoked} ON ${quoted(`${table}_user`)} (user_id)
      WHERE revoked IS NOT 0`,
    `CREATE INDEX IF NOT EXISTS main.${userIndexes.replaces} ON ${quoted(`${table}_user`)} (user_id, replaces)
      WHERE replaces IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS main.${userIndexes.replaced} ON ${quoted(`${table}_user`)} (user_id, replaced)
      WHERE replaced IS NOT NULL`,
  ];
}

/** Creates what is missing. Within a transaction, as others may do the same. */
export function createTables(database: SqliteDatabase, table: string): void {
  for (const sql of statementsFor(table)) database.exec(sql);
}
