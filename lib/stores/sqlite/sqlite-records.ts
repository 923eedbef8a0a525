import { isRecord } from '../../session.record.js';
import { endOf, type SessionRecord, type SessionTimes, type UpdateResult } from '../session-store.js';
import {
  bound,
  numberOf,
  unbound,
  type SqliteDatabase,
  type SqliteRow,
  type PreparedStatement,
  type SqliteValue,
} from './sqlite-database.js';
import { ENDS_AT, type SqliteTables } from './sqlite-schema.js';

const UPDATED: UpdateResult = { status: 'updated' };
const MISSING: UpdateResult = { status: 'missing' };

const COLUMNS = ['payload', 'version', 'user_id', 'started_at', 'used_at', 'idle_timeout', 'absolute_timeout'];

/** Farther than any session lasts, and near enough for all drivers: 31,700 years in ms. */
const LONGEST = 1e15;

/** How many sessions a count looks at in one go. */
const COUNT_BATCH = 5_000;

/** The statements about sessions. Those that write run within a transaction. */
export class SqliteRecords {
  private readonly select: PreparedStatement;
  private readonly insert: PreparedStatement;
  private readonly replace: PreparedStatement;
  private readonly replaceEarlier: PreparedStatement;
  private readonly use: PreparedStatement;
  private readonly remove: PreparedStatement;
  private readonly removeVersion: PreparedStatement;
  private readonly living: PreparedStatement;
  private readonly last: PreparedStatement;
  private readonly removeUpTo: PreparedStatement;

  constructor(database: SqliteDatabase, { sessions }: SqliteTables) {
    const columns = COLUMNS.join(', ');
    const values = COLUMNS.map((column) => `${column} = ?`).join(', ');
    this.select = database.prepare(`SELECT ${columns} FROM ${sessions} WHERE id = ?`);
    this.insert = database.prepare(
      `INSERT INTO ${sessions} (${columns}, id, sweep_at) VALUES (${COLUMNS.map(() => '?').join(', ')}, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         ${[...COLUMNS, 'sweep_at'].map((column) => `${column} = excluded.${column}`).join(', ')}
         WHERE ${ENDS_AT} <= ?`,
    );
    const expected = `id = ? AND version = ? AND ${ENDS_AT} > ?`;
    this.replace = database.prepare(`UPDATE ${sessions} SET ${values} WHERE ${expected} AND sweep_at <= ?`);
    this.replaceEarlier = database.prepare(`UPDATE ${sessions} SET ${values}, sweep_at = ? WHERE ${expected}`);
    // The rule of laterUse.
    this.use = database.prepare(
      `UPDATE ${sessions} SET used_at = CASE WHEN used_at > ? THEN ? ELSE max(used_at, ?) END
       WHERE id = ? AND ${ENDS_AT} > ?`,
    );
    this.remove = database.prepare(`DELETE FROM ${sessions} WHERE id = ? RETURNING ${columns}`);
    this.removeVersion = database.prepare(`DELETE FROM ${sessions} WHERE id = ? AND version = ? RETURNING ${columns}`);
    this.living = database.prepare(
      `SELECT count(*) AS seen, max(position) AS position, sum(ends_at > ?) AS living
       FROM (SELECT rowid AS position, ${ENDS_AT} AS ends_at FROM ${sessions} WHERE rowid > ? ORDER BY rowid LIMIT ?)`,
    );
    this.last = database.prepare(`SELECT max(rowid) AS position FROM ${sessions}`);
    this.removeUpTo = database.prepare(
      `DELETE FROM ${sessions} WHERE rowid IN (SELECT rowid FROM ${sessions} WHERE rowid <= ? ORDER BY rowid LIMIT ?)`,
    );
  }

  /** @param expired told of a record past its end */
  load(id: string, now: number, expired?: (record: SessionRecord) => void): SessionRecord | undefined {
    return living(this.select.get(id), now, expired);
  }

  create(id: string, record: SessionRecord, now: number): boolean {
    return changed(this.insert.run(...valuesOf(record), id, time(endOf(record)), now));
  }

  update(id: string, record: SessionRecord, expectedVersion: string, now: number): UpdateResult {
    const values = valuesOf(record);
    const version = bound(expectedVersion);
    const end = time(endOf(record));
    if (changed(this.replace.run(...values, id, version, now, end))) return UPDATED;
    // The session ends before the sweep would look at it.
    if (changed(this.replaceEarlier.run(...values, end, id, version, now))) return UPDATED;
    const current = this.load(id, now);
    return isRecord(current) ? { status: 'conflict', current } : MISSING;
  }

  touch(id: string, { usedAt }: SessionTimes, now: number): boolean {
    const used = time(usedAt);
    return changed(this.use.run(now, used, used, id, now));
  }

  destroy(id: string, version: string | undefined, now: number): SessionRecord | undefined {
    const [row] = version === undefined ? this.remove.all(id) : this.removeVersion.all(id, bound(version));
    const record = row === undefined && version !== undefined ? this.load(id, now) : living(row, now);
    return isRecord(record) ? record : undefined;
  }

  /** How many of a batch are living, and where the next one begins; undefined behind the last one. */
  countAfter(position: number, now: number): { living: number; position: number | undefined } {
    const row = this.living.get(now, position, COUNT_BATCH) as SqliteRow;
    const isLast = numberOf(row['seen']) < COUNT_BATCH;
    return { living: numberOf(row['living'] ?? 0), position: isLast ? undefined : numberOf(row['position']) };
  }

  /** Where the sessions that are there now end. */
  lastPosition(): number {
    return numberOf((this.last.get() as SqliteRow)['position'] ?? 0);
  }

  /** Removes some of the sessions up to a position; false when there are no more. */
  removeSome(upTo: number, batch: number): boolean {
    return Number(this.removeUpTo.run(upTo, batch).changes) === batch;
  }
}

/** The record of a row. One that is none is handed on as it is: the session layer tells corrupt from missing (S52). */
function living(row: unknown, now: number, expired?: (record: SessionRecord) => void): SessionRecord | undefined {
  // Some drivers have null for what is not there.
  if (row === undefined || row === null) return undefined;
  const record = recordOf(row as SqliteRow);
  if (!isRecord(record) || endOf(record) > now) return record;
  expired?.(record);
  return undefined;
}

function recordOf(row: SqliteRow): SessionRecord {
  const record = {
    payload: unbound(row['payload']),
    version: unbound(row['version']),
    startedAt: numberOf(row['started_at']),
    usedAt: numberOf(row['used_at']),
    idleTimeout: numberOf(row['idle_timeout']),
    absoluteTimeout: numberOf(row['absolute_timeout']),
  };
  const user = row['user_id'];
  return user === null ? record : { ...record, userId: unbound(user) };
}

/** What is stored of a record, in the order of COLUMNS. */
function valuesOf(record: SessionRecord): SqliteValue[] {
  const { payload, version, userId, startedAt, usedAt, idleTimeout, absoluteTimeout } = record;
  return [
    bound(payload),
    bound(version),
    userId === undefined ? null : bound(userId),
    time(startedAt),
    time(usedAt),
    time(idleTimeout),
    time(absoluteTimeout),
  ];
}

function time(ms: number): number {
  return Math.min(LONGEST, ms);
}

function changed({ changes }: { readonly changes: number | bigint }): boolean {
  return Number(changes) > 0;
}
