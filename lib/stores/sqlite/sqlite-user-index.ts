import type { UserEntries } from '../user-entries.js';
import type { Awaitable } from '../session-store.js';
import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../user-index.js';
import type { SqliteConnection } from './sqlite-connection.js';

/** The index of users in SQLite. Each operation is a transaction over the entries of one user. */
export class SqliteUserIndex implements UserIndex {
  constructor(private readonly connection: SqliteConnection) {}

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Awaitable<UserIndexAddition> {
    return this.change(userId, (entries, now) => entries.add(id, lifetime, terms, now));
  }

  settle(userId: string, id: string, lifetime: number): Awaitable<boolean> {
    return this.change(userId, (entries, now) => entries.settle(id, lifetime, now));
  }

  revoke(userId: string, choice: UserIndexChoice): Awaitable<string[]> {
    return this.change(userId, (entries, now) => entries.revoke(choice, now));
  }

  remove(userId: string, ids: readonly string[]): Awaitable<void> {
    return this.connection.write(({ users }) => {
      users.remove(userId, ids);
    });
  }

  list(userId: string): Awaitable<UserIndexEntry[]> {
    return this.connection.read(({ users }) => {
      const now = this.connection.now();
      return users.entriesOf(userId, now).list(now);
    });
  }

  private change<T>(userId: string, act: (entries: UserEntries, now: number) => T): Awaitable<T> {
    return this.connection.write(({ users }) => {
      const now = this.connection.now();
      return users.change(userId, now, (entries) => act(entries, now));
    });
  }
}
