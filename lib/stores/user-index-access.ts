import type { Awaitable } from './session-store.js';
import { isPromise } from './awaitable.js';
import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from './user-index.js';

export type UserOperation = `users.${keyof UserIndex}`;

/** A store's index of users behind the deadline of {@link StoreAccess}. */
export class UserIndexAccess implements UserIndex {
  constructor(
    private readonly index: UserIndex,
    private readonly call: <T>(operation: UserOperation, run: () => Awaitable<T>) => Awaitable<T>,
  ) {}

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Awaitable<UserIndexAddition> {
    return this.call('users.add', () => {
      const addition = this.index.add(userId, id, lifetime, terms);
      return isPromise(addition) ? addition.then(checkedAddition) : checkedAddition(addition);
    });
  }

  settle(userId: string, id: string, lifetime: number): Awaitable<boolean> {
    return this.call('users.settle', () => {
      const settled = this.index.settle(userId, id, lifetime);
      return isPromise(settled) ? settled.then(checkedAnswer) : checkedAnswer(settled);
    });
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

/** What an index must not leave open: who may live. */
function checkedAddition(addition: UserIndexAddition): UserIndexAddition {
  const given = addition as Partial<UserIndexAddition> | null | undefined;
  if (typeof given?.added === 'boolean' && Array.isArray(given.revoked)) return addition;
  throw new TypeError('users.add must give { added: boolean, revoked: string[] }');
}

function checkedAnswer(settled: boolean): boolean {
  if (typeof settled === 'boolean') return settled;
  throw new TypeError('users.settle must give true or false');
}
