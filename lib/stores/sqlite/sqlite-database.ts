/** What is bound to a statement: times and flags as numbers, text as text, or as bytes where a driver would cut it. */
export type SqliteValue = string | number | null | Buffer;

/** What the store calls of a prepared statement, in the form that better-sqlite3, libsql and node:sqlite share. */
export interface SqliteStatement {
  // unknown: the types of better-sqlite3 and libsql are generic in what is bound, and TypeScript 5 reads that as
  // "one value that is not null", which fits nothing narrower.
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
  run(...values: unknown[]): { readonly changes: number | bigint };
}

/** A statement of this store: it binds these values only. */
export interface PreparedStatement extends SqliteStatement {
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  run(...values: SqliteValue[]): { readonly changes: number | bigint };
}

/** An open database of better-sqlite3, libsql or node:sqlite: what the store calls of it. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  /** Whether a transaction is open: better-sqlite3 and libsql. */
  readonly inTransaction?: boolean;
  /** The same: node:sqlite, from Node 22.16 on. */
  readonly isTransaction?: boolean;
  /** False once it was closed: better-sqlite3 and libsql. With node:sqlite a method. */
  readonly open?: unknown;
  /** The same: node:sqlite. */
  readonly isOpen?: boolean;
}

/** A row as drivers give it: with or without prototype, perhaps with members of the driver's own. */
export type SqliteRow = Readonly<Record<string, unknown>>;

/**
 * Runs `act` as a whole; what it throws leaves nothing of it behind.
 *
 * Only here can a write meet a lock of others: once it has begun it has the lock. By `exec`, as a prepared statement
 * that meets a lock stays active in libsql, and keeps what the connection reads from then on as it was at that time.
 * IMMEDIATE: who reads first and then finds that others have written could not go on.
 */
export function inTransaction<T>(database: SqliteDatabase, act: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = act();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
    throw error;
  }
}

/** Text as it is bound. Some drivers read text up to a NUL only; bytes come back whole from all of them. */
export function bound(text: string): string | Buffer {
  return text.includes('\0') ? Buffer.from(text) : text;
}

/** What was bound as text; anything else as it is, to be told from text by whoever checks. */
export function unbound(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value as string;
  // libsql gives an ArrayBuffer or a Buffer, as the method is; node:sqlite a Uint8Array.
  const bytes = value as Uint8Array | ArrayBuffer;
  return ArrayBuffer.isView(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
    : Buffer.from(bytes).toString();
}

/** A number, also of a database that gives integers as BigInt; anything else as it is. */
export function numberOf(value: unknown): number {
  return typeof value === 'bigint' ? Number(value) : (value as number);
}

/** An SQL identifier of any name. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
