import { errorText } from '../../error-text.js';
import { SessionConfigError } from '../../session.errors.js';
import type { Awaitable, StoreHost } from '../session-store.js';
import { inTransaction, type SqliteDatabase, type SqliteRow, type SqliteStatement } from './sqlite-database.js';
import { configErrorOf, isLocked } from './sqlite-errors.js';
import { SqliteRecords } from './sqlite-records.js';
import { createTables, tablesOf } from './sqlite-schema.js';
import { SqliteSweep } from './sqlite-sweep.js';
import { SqliteTurns } from './sqlite-turns.js';
import { SqliteUsers } from './sqlite-users.js';
import type { ResolvedSqliteStoreOptions } from './sqlite.options.js';

/** For how long SQLite itself waits for a lock, in ms: the process does nothing else meanwhile. */
const BUSY_TIMEOUT = 5;

/** How long an operation may take before the session layer says so, in ms. */
const PATIENCE = 2_000;

/** The statements of one store, once its tables are there. */
export interface SqliteStatements {
  readonly records: SqliteRecords;
  readonly users: SqliteUsers;
  readonly sweep: SqliteSweep;
}

/** One store's use of a database: sets it up, and runs statements when no lock of others is in the way. */
export class SqliteConnection {
  private readonly turns = new SqliteTurns(() => this.host?.storeTimeout ?? PATIENCE);
  private statements: SqliteStatements | undefined;
  private unread: (() => unknown) | undefined;
  private host: StoreHost | undefined;

  constructor(private readonly options: ResolvedSqliteStoreOptions) {}

  /**
   * Sets the database up. A lock of others is waited for; what may pass is no reason not to start: what needs the
   * database tries again.
   *
   * @throws SessionConfigError `INVALID_STORE` for a database that can't be used, also later by its promise
   */
  open(host: StoreHost): Awaitable<void> {
    this.host = host;
    try {
      return this.read(() => undefined);
    } catch (error) {
      if (error instanceof SessionConfigError) throw error;
      return Promise.reject(new Error(errorText(error), { cause: error }));
    }
  }

  now(): number {
    return this.host?.now() ?? Date.now();
  }

  /** Runs one statement that reads. */
  read<T>(act: (statements: SqliteStatements) => T): Awaitable<T> {
    return this.turns.run(() => {
      const statements = this.ready();
      return this.look(() => act(statements));
    }, true);
  }

  /** Runs statements as a whole. */
  write<T>(act: (statements: SqliteStatements) => T): Awaitable<T> {
    return this.turns.run(() => {
      const statements = this.ready();
      return inTransaction(this.options.database, () => act(statements));
    }, false);
  }

  /** Lets go of the statements; the database stays open. */
  close(): void {
    this.turns.close();
    this.statements = undefined;
    this.unread = undefined;
  }

  /** Notes what met a lock: see `again`. */
  private look<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (isLocked(error)) this.unread = act;
      throw error;
    }
  }

  /** In libsql a read that met a lock stays active, and all later ones see what it saw, until it has been repeated. */
  private again(): void {
    const { unread } = this;
    if (unread === undefined) return;
    this.unread = undefined;
    this.look(unread);
  }

  private ready(): SqliteStatements {
    const { database } = this.options;
    // libsql ends the process when a closed database is used.
    if (database.open === false || database.isOpen === false) {
      throw new SessionConfigError(
        'INVALID_STORE',
        'SqliteStore: the database is not open. Open it before the application starts, and close it after that has stopped.',
      );
    }
    if (database.inTransaction ?? database.isTransaction ?? false) {
      // What is written in it is gone if it is rolled back, and what is read may be of before it began.
      throw new Error(
        'a transaction of the application is open on the database of the sessions: give SqliteStore a connection of its own',
      );
    }
    this.again();
    return (this.statements ??= this.setUp());
  }

  private setUp(): SqliteStatements {
    try {
      return this.prepare();
    } catch (error) {
      throw configErrorOf(error) ?? error;
    }
  }

  private prepare(): SqliteStatements {
    const { database, table, synchronous } = this.options;
    database.exec(`PRAGMA busy_timeout = ${String(BUSY_TIMEOUT)}`);
    const mode = journalMode(database);
    database.exec(`PRAGMA synchronous = ${synchronous}`);
    const tables = tablesOf(table);
    const statements = inTransaction(database, () => {
      createTables(database, table);
      const prepared = {
        records: new SqliteRecords(database, tables),
        users: new SqliteUsers(database, tables),
        sweep: new SqliteSweep(database, tables),
      };
      rehearse(database, prepared);
      return prepared;
    });
    if (mode !== 'wal' && mode !== 'memory') {
      this.host?.notice(
        `This database can't use a write-ahead log, so that readers and writers wait for each other: ${mode}`,
      );
    }
    return statements;
  }
}

/** Writes and takes it back: a database that refuses that is told at boot. */
function rehearse(database: SqliteDatabase, { records, users }: SqliteStatements): void {
  const times = { startedAt: 0, usedAt: 0, idleTimeout: 1, absoluteTimeout: 1 };
  database.exec('SAVEPOINT rehearsal');
  records.create('', { ...times, payload: '', version: '' }, 0);
  users.add('', '', 1, {}, 0);
  database.exec('ROLLBACK TO rehearsal; RELEASE rehearsal');
}

/** Readers and writers don't wait for each other in WAL mode, which stays with the file. */
function journalMode(database: SqliteDatabase): string {
  database.exec('PRAGMA journal_mode = WAL');
  const statement = database.prepare('PRAGMA journal_mode') as Partial<SqliteStatement>;
  const row = statement.get?.() as SqliteRow | undefined;
  const mode = row?.['journal_mode'];
  if (typeof mode === 'string') return mode;
  throw new SessionConfigError(
    'INVALID_STORE',
    'SqliteStore: the database does not answer at once. Take a synchronous driver: better-sqlite3, libsql or node:sqlite.',
  );
}
