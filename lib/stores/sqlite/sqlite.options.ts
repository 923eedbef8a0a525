import { hasMethods } from '../../session.checks.js';
import { SessionConfigError } from '../../session.errors.js';
import type { SqliteDatabase } from './sqlite-database.js';

/** Options of `SqliteStore`. */
export interface SqliteStoreOptions {
  /**
   * An open database of better-sqlite3, libsql or node:sqlite. The application opens and closes it; no
   * transaction of the application may be open on it while sessions are used, so give the store a
   * connection of its own. The store sets its `journal_mode` to WAL, and `synchronous` and `busy_timeout`.
   */
  database: SqliteDatabase;
  /**
   * The table that holds the sessions; the index of users is in one named like it and `_user`. Both are
   * created where they are missing. Default `'token_session'`.
   */
  table?: string;
  /**
   * When a write is acknowledged. `'full'`: when the disk has it; it outlasts a power cut. `'normal'`: when the
   * system has it; it outlasts a killed process, and a power cut may undo the latest writes, logouts among
   * them. Default `'full'`.
   */
  synchronous?: 'full' | 'normal';
}

const OPTIONS = ['database', 'table', 'synchronous'];

export type ResolvedSqliteStoreOptions = Readonly<Required<SqliteStoreOptions>>;

/**
 * The only place with defaults and checks.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function resolveSqliteOptions(options: SqliteStoreOptions): ResolvedSqliteStoreOptions {
  // Drivers have members of any name, so that only what the object itself has is an option.
  if (typeof options !== 'object' || (options as object | null) === null || !Object.hasOwn(options, 'database')) {
    refuse('takes an object with database: new SqliteStore({ database })');
  }
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) refuse(`has no option ${unknown}; it has ${OPTIONS.join(', ')}`);
  const { database, table = 'token_session', synchronous = 'full' } = options;
  if (!hasMethods(database, ['prepare', 'exec'])) {
    refuse(`database takes an open database of better-sqlite3, libsql or node:sqlite; got ${shown(database)}`);
  }
  if (!isTableName(table)) {
    refuse(`table takes the name of a table, not empty and not beginning with sqlite_; got ${shown(table)}`);
  }
  if (!['full', 'normal'].includes(synchronous)) {
    refuse(`synchronous takes 'full' or 'normal'; got ${shown(synchronous)}`);
  }
  return { database, table, synchronous };
}

/** Any name is quoted, so that none is SQL; those that SQLite keeps for itself or would cut are none. */
function isTableName(table: unknown): boolean {
  if (typeof table !== 'string' || table === '' || table.includes('\0')) return false;
  return table.isWellFormed() && !/^sqlite_/i.test(table);
}

function refuse(what: string): never {
  throw new SessionConfigError('INVALID_OPTION', `SqliteStore: ${what}.`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function or class';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
