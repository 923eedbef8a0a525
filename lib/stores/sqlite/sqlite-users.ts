import { UserEntries } from '../user-entries.js';
import type { UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../user-index.js';
import { bound, type PreparedStatement, type SqliteDatabase } from './sqlite-database.js';
import type { SqliteTables } from './sqlite-schema.js';
import { SqliteUserRows, type StoredEntry } from './sqlite-user-rows.js';

type Entry = StoredEntry[1];

/**
 * The index of users: one row for each entry, those of a user side by side. What the operations do is decided by
 * `UserEntries`, which is given what it looks at. All but `list` within a transaction.
 */
export class SqliteUsers {
  private readonly rows: SqliteUserRows;
  private readonly put: PreparedStatement;
  private readonly removeThese: PreparedStatement;
  private readonly removeSome: PreparedStatement;

  constructor(database: SqliteDatabase, tables: SqliteTables) {
    const { users } = tables;
    this.rows = new SqliteUserRows(database, tables);
    this.put = database.prepare(
      `INSERT INTO ${users} (user_id, id, ends_at, settled, revoked, replaces, replaced) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (user_id, id) DO UPDATE SET ends_at = excluded.ends_at, settled = excluded.settled,
         revoked = excluded.revoked, replaces = excluded.replaces, replaced = excluded.replaced`,
    );
    this.removeThese = database.prepare(
      `DELETE FROM ${users} WHERE user_id = ? AND id IN (SELECT value FROM json_each(?))`,
    );
    this.removeSome = database.prepare(
      `DELETE FROM ${users} WHERE (user_id, id) IN (SELECT user_id, id FROM ${users} LIMIT ?)`,
    );
  }

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms, now: number): UserIndexAddition {
    const { replaces, max } = terms;
    const counts = max !== undefined && replaces === undefined;
    const rows = counts ? this.rows.all(userId, now) : this.rows.toAdd(userId, now, id, replaces);
    return this.change(userId, rows, (entries) => entries.add(id, lifetime, terms, now));
  }

  settle(userId: string, id: string, lifetime: number, now: number): boolean {
    const rows = this.rows.toSettle(userId, now, id);
    return this.change(userId, rows, (entries) => entries.settle(id, lifetime, now));
  }

  revoke(userId: string, choice: UserIndexChoice, now: number): string[] {
    const rows = 'only' in choice ? this.rows.toRevoke(userId, now, choice.only) : this.rows.all(userId, now);
    return this.change(userId, rows, (entries) => entries.revoke(choice, now));
  }

  list(userId: string, now: number): UserIndexEntry[] {
    return new UserEntries(this.rows.all(userId, now)).list(now);
  }

  remove(userId: string, ids: readonly string[]): void {
    this.removeThese.run(bound(userId), JSON.stringify(ids));
  }

  /** Removes some of all entries; false when there are no more. */
  removeAny(batch: number): boolean {
    return Number(this.removeSome.run(batch).changes) === batch;
  }

  /** Lets `act` change these entries of a user, and writes what it changed. */
  private change<T>(userId: string, rows: readonly StoredEntry[], act: (entries: UserEntries) => T): T {
    const before = new Map(rows);
    const entries = new UserEntries(before);
    const result = act(entries);
    const after = new Map(entries.stored());
    const gone = [...before.keys()].filter((id) => !after.has(id));
    if (gone.length > 0) this.remove(userId, gone);
    for (const [id, entry] of after) {
      if (!isSame(before.get(id), entry)) this.write(userId, id, entry);
    }
    return result;
  }

  private write(userId: string, id: string, entry: Entry): void {
    const { endsAt, settled, revoked, replaces = null, replaced = null } = entry;
    this.put.run(bound(userId), id, endsAt, Number(settled), Number(revoked), replaces, replaced);
  }
}

function isSame(before: Readonly<Entry> | undefined, { endsAt, settled, revoked, replaces, replaced }: Entry): boolean {
  return (
    before?.endsAt === endsAt &&
    before.settled === settled &&
    before.revoked === revoked &&
    before.replaces === replaces &&
    before.replaced === replaced
  );
}
