import type { Awaitable } from '../session-store.js';
import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../user-index.js';
import type { SqliteConnection } from './sqlite-connection.js';

/** The index of users in SQLite. Each operation is a transaction over entries of one user. */
export class SqliteUserIndex implements UserIndex {
  constructor(private readonly connection: SqliteConnection) {}

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Awaitable<UserIndexAddition> {
    return this.connection.write(({ users }) => users.add(userId, id, lifetime, terms, this.connection.now()));
  }

  settle(userId: string, id: string, lifetime: number): Awaitable<boolean> {
    return this.connection.write(({ users }) => users.settle(userId, id, lifetime, this.connection.now()));
  }

  revoke(userId: string, choice: UserIndexChoice): Awaitable<string[]> {
    return this.connection.write(({ users }) => users.revoke(userId, choice, this.connection.now()));
  }

  remove(userId: string, ids: readonly string[]): Awaitable<void> {
    return this.connection.write(({ users }) => {
      users.remove(userId, ids);
    });
  }

  list(userId: string): Awaitable<UserIndexEntry[]> {
    return this.connection.read(({ users }) => users.list(userId, this.connection.now()));
  }
}
