import type { UserEntries } from '../user-entries.js';
import { bound, numberOf, type PreparedStatement, type SqliteDatabase, type SqliteRow } from './sqlite-database.js';
import type { SqliteTables } from './sqlite-schema.js';

/** An entry as `UserEntries` takes it. */
export type StoredEntry = ReturnType<UserEntries['stored']>[number];

/**
 * Reads entries of a user: all, or those that a rule of `UserEntries` looks at, so that a login costs the same
 * however many entries its user has. Those that have ended are not there.
 */
export class SqliteUserRows {
  private readonly every: PreparedStatement;
  private readonly one: PreparedStatement;
  private readonly revoked: PreparedStatement;
  private readonly replacing: PreparedStatement;
  private readonly replacedBy: PreparedStatement;

  constructor(database: SqliteDatabase, { users, userIndexes }: SqliteTables) {
    const select = (from: string, where: string): PreparedStatement =>
      // +: never by the index of ends_at, that has the entries of all users.
      database.prepare(
        `SELECT id, ends_at, settled, revoked, replaces, replaced FROM ${from}
         WHERE user_id = ? AND +ends_at > ? ${where}`,
      );
    // By name: SQLite would read all entries of the user, as it does not know how few are in these indexes.
    const by = (index: string): string => `${users} INDEXED BY ${index}`;
    this.every = select(users, '');
    this.one = select(users, 'AND id = ?');
    this.revoked = select(by(userIndexes.revoked), 'AND revoked IS NOT 0');
    this.replacing = select(by(userIndexes.replaces), 'AND replaces = ?');
    this.replacedBy = select(by(userIndexes.replaced), 'AND replaced = ?');
  }

  all(userId: string, now: number): StoredEntry[] {
    return entriesOf(this.every.all(bound(userId), now));
  }

  /** For `add` without `max`: the entry, the one that it is to replace, and all that are revoked. */
  toAdd(userId: string, now: number, id: string, replaces: string | undefined): StoredEntry[] {
    const user = bound(userId);
    const rows = [...this.one.all(user, now, id), ...this.revoked.all(user, now)];
    if (replaces !== undefined) rows.push(...this.one.all(user, now, replaces));
    return entriesOf(rows);
  }

  /** For `settle`: the entry, and the one that it replaces. */
  toSettle(userId: string, now: number, id: string): StoredEntry[] {
    const user = bound(userId);
    const entries = entriesOf(this.one.all(user, now, id));
    const replaces = entries[0]?.[1].replaces;
    return replaces === undefined ? entries : [...entries, ...entriesOf(this.one.all(user, now, replaces))];
  }

  /** For `revoke` of only one: whatever may have a place with the entry, or with one that has replaced it. */
  toRevoke(userId: string, now: number, id: string): StoredEntry[] {
    const user = bound(userId);
    const named = entriesOf([...this.one.all(user, now, id), ...this.replacedBy.all(user, now, id)]);
    const places = new Set([id, ...named.map(([other, { replaces }]) => replaces ?? other)]);
    const rows = [...places].flatMap((place) => [
      ...this.one.all(user, now, place),
      ...this.replacing.all(user, now, place),
    ]);
    return [...named, ...entriesOf(rows)];
  }
}

/** The entries of rows, but for those that another program has made of them (S52). */
function entriesOf(rows: readonly unknown[]): StoredEntry[] {
  return rows.flatMap((row) => entryOf(row as SqliteRow));
}

function entryOf(row: SqliteRow): StoredEntry[] {
  const { id, replaces, replaced } = row;
  const endsAt = numberOf(row['ends_at']);
  if (typeof id !== 'string' || typeof endsAt !== 'number') return [];
  const entry: StoredEntry[1] = {
    endsAt,
    settled: numberOf(row['settled']) === 1,
    // What can't be told to count does not.
    revoked: numberOf(row['revoked']) !== 0,
    ...(typeof replaces === 'string' && { replaces }),
    ...(typeof replaced === 'string' && { replaced }),
  };
  return [[id, entry]];
}
