import type { Awaitable } from './session-store.js';
import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from './user-index.js';

export type UserOperation = `users.${keyof UserIndex}`;

/** A store's index of users behind the deadline of {@link StoreAccess}. */
export class UserIndexAccess implements UserIndex {
  constructor(
    private readonly index: UserIndex,
    private readonly call: <T>(operation: UserOperation, run: () => Awaitable<T>) => Awaitable<T>,
  ) {}

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Awaitable<UserIndexAddition> {
    return this.call('users.add', () => this.index.add(userId, id, lifetime, terms));
  }

  settle(userId: string, id: string, lifetime: number): Awaitable<boolean> {
    return this.call('users.settle', () => this.index.settle(userId, id, lifetime));
  }

  revoke(userId: string, choice: UserIndexChoice): Awaitable<string[]> {
    return this.call('users.revoke', () => this.index.revoke(userId, choice));
  }

  remove(userId: string, ids: readonly string[]): Awaitable<void> {
    return this.call('users.remove', () => this.index.remove(userId, ids));
  }

  list(userId: string): Awaitable<UserIndexEntry[]> {
    return this.call('users.list', () => this.index.list(userId));
  }
}
