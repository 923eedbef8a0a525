import { PartedMap } from './parted-map.js';
import { UserEntries } from './user-entries.js';
import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from './user-index.js';

/** The index of users in this process's memory. Users without entries take no room. */
export class MemoryUserIndex implements UserIndex {
  private readonly users = new PartedMap<UserEntries>();

  constructor(private readonly now: () => number) {}

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): UserIndexAddition {
    return this.change(userId, (entries) => entries.add(id, lifetime, terms, this.now()));
  }

  settle(userId: string, id: string, lifetime: number): boolean {
    return this.change(userId, (entries) => entries.settle(id, lifetime, this.now()));
  }

  revoke(userId: string, choice: UserIndexChoice): string[] {
    return this.change(userId, (entries) => entries.revoke(choice, this.now()));
  }

  remove(userId: string, ids: readonly string[]): void {
    this.change(userId, (entries) => {
      entries.remove(ids);
    });
  }

  list(userId: string): UserIndexEntry[] {
    return this.change(userId, (entries) => entries.list(this.now()));
  }

  clear(): void {
    this.users.clear();
  }

  private change<T>(userId: string, act: (entries: UserEntries) => T): T {
    const entries = this.users.get(userId) ?? new UserEntries();
    const result = act(entries);
    if (entries.isEmpty) this.users.delete(userId);
    else this.users.set(userId, entries);
    return result;
  }
}
