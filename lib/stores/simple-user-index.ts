import { hash } from 'node:crypto';
import { areEntries, UserEntries } from './user-entries.js';
import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from './user-index.js';

/** How the index reads and writes one key of a simple store; calls for one key run one after the other. */
export interface SimpleStorage {
  now(): number;
  exclusively<T>(sid: string, task: () => Promise<T>): Promise<T>;
  get(sid: string): Promise<unknown>;
  set(sid: string, metadata: object, ttl: number): Promise<void>;
  destroy(sid: string): Promise<void>;
  /** The key of a user's entries, made of a hash that nothing else has; default the hash. */
  keyOf?(hash: string): string;
  /** What may be shown of a session's id, and names it where it is to be revoked; default the id. */
  publicIdOf?(id: string): string;
  /** Says something that the application should know. */
  notice(text: string): void;
}

/**
 * The index of users in a simple store: one more key for each user that is signed in, of the same
 * form as a session's. It is as safe as the store itself, that is within one process.
 */
export class SimpleUserIndex implements UserIndex {
  constructor(private readonly storage: SimpleStorage) {}

  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Promise<UserIndexAddition> {
    return this.change(userId, (entries, now) => entries.add(id, lifetime, terms, now));
  }

  settle(userId: string, id: string, lifetime: number): Promise<boolean> {
    return this.change(userId, (entries, now) => entries.settle(id, lifetime, now));
  }

  revoke(userId: string, choice: UserIndexChoice): Promise<string[]> {
    return this.change(userId, (entries, now) => entries.revoke(this.byId(choice, entries), now));
  }

  async remove(userId: string, ids: readonly string[]): Promise<void> {
    await this.change(userId, (entries) => {
      entries.remove(ids);
    });
  }

  async list(userId: string): Promise<UserIndexEntry[]> {
    const entries = await this.read(this.keyOf(userId));
    return entries.list(this.storage.now());
  }

  private change<T>(userId: string, act: (entries: UserEntries, now: number) => T): Promise<T> {
    const { storage } = this;
    const sid = this.keyOf(userId);
    return storage.exclusively(sid, async () => {
      const entries = await this.read(sid);
      const result = act(entries, storage.now());
      if (entries.isEmpty) await storage.destroy(sid);
      else await storage.set(sid, { users: entries.stored() }, Math.max(1, entries.endsAt - storage.now()));
      return result;
    });
  }

  private keyOf(userId: string): string {
    const sid = sidOf(userId);
    return this.storage.keyOf?.(sid) ?? sid;
  }

  /** The same choice by the id that the store has. */
  private byId(choice: UserIndexChoice, entries: UserEntries): UserIndexChoice {
    const { storage } = this;
    const name = 'only' in choice ? choice.only : choice.except;
    if (storage.publicIdOf === undefined || name === undefined) return choice;
    const ids = entries.stored().flatMap(([id, { replaces, replaced }]) => [id, replaces, replaced]);
    const found = ids.find((id) => id !== undefined && storage.publicIdOf?.(id) === name) ?? name;
    return 'only' in choice ? { only: found } : { except: found };
  }

  private async read(sid: string): Promise<UserEntries> {
    const stored = await this.storage.get(sid);
    if (stored === undefined) return new UserEntries();
    const { users } = stored as { users?: unknown };
    if (areEntries(users)) return new UserEntries(users);
    // A lasting error would lock the user out for good.
    this.storage.notice(
      "The index of a user's sessions can not be read and begins anew: list() and destroyAll() do not know the sessions " +
        'that it held. Does another program write to this store?',
    );
    return new UserEntries();
  }
}

/** No token has this hash: tokens are 32 random bytes, and hashed without a prefix. */
function sidOf(userId: string): string {
  return hash('sha256', `sessions of user ${userId}`, 'base64url');
}
