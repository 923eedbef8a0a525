import { UserEntries } from '../user-entries.js';
import { bound, numberOf, type SqliteDatabase, type SqliteRow, type SqliteStatement } from './sqlite-database.js';
import type { SqliteTables } from './sqlite-schema.js';

type StoredEntry = ReturnType<UserEntries['stored']>[number];
type Entry = StoredEntry[1];

/** The statements about the index of users: one row for each entry, those of a user side by side. */
export class SqliteUsers {
  private readonly select: SqliteStatement;
  private readonly put: SqliteStatement;
  private readonly removeThese: SqliteStatement;
  private readonly removeSome: SqliteStatement;

  constructor(database: SqliteDatabase, { users }: SqliteTables) {
    this.select = database.prepare(
      `SELECT id, ends_at, settled, revoked, replaces, replaced FROM ${users} WHERE user_id = ? AND ends_at > ?`,
    );
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

  /** The entries of a user that have not ended. */
  entriesOf(userId: string, now: number): UserEntries {
    return new UserEntries(this.rowsOf(userId, now));
  }

  /** Lets `act` change the entries of a user, and writes what it changed. Within a transaction. */
  change<T>(userId: string, now: number, act: (entries: UserEntries) => T): T {
    const before = new Map(this.rowsOf(userId, now));
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

  remove(userId: string, ids: readonly string[]): void {
    this.removeThese.run(bound(userId), JSON.stringify(ids));
  }

  /** Removes some of all entries; false when there are no more. */
  removeAny(batch: number): boolean {
    return Number(this.removeSome.run(batch).changes) === batch;
  }

  private rowsOf(userId: string, now: number): StoredEntry[] {
    return this.select.all(bound(userId), now).flatMap((row) => storedEntry(row as SqliteRow));
  }

  private write(userId: string, id: string, entry: Entry): void {
    const { endsAt, settled, revoked, replaces = null, replaced = null } = entry;
    this.put.run(bound(userId), id, endsAt, Number(settled), Number(revoked), replaces, replaced);
  }
}

/** The entry of a row; nothing for a row that another program has made of it (S52). */
function storedEntry(row: SqliteRow): StoredEntry[] {
  const { id, replaces, replaced } = row;
  const endsAt = numberOf(row['ends_at']);
  if (typeof id !== 'string' || typeof endsAt !== 'number') return [];
  const entry: Entry = {
    endsAt,
    settled: numberOf(row['settled']) === 1,
    // What can't be told to count does not.
    revoked: numberOf(row['revoked']) !== 0,
    ...(typeof replaces === 'string' && { replaces }),
    ...(typeof replaced === 'string' && { replaced }),
  };
  return [[id, entry]];
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
