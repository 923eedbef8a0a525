import type { Awaitable } from './session-store.js';

/** One session of a user, as the index knows it. */
export interface UserIndexEntry {
  /** The session's id, as the store has it. */
  readonly id: string;
  /** False while a login or a rotation is on its way to store the session. */
  readonly settled: boolean;
  /** The entry that this one is to replace, while it is on its way. */
  readonly replaces?: string;
}

/** On what terms an entry is added. */
export interface UserIndexTerms {
  /** An entry that this one takes the place of: it has to be there, and the two count as one. */
  readonly replaces?: string;
  /** The entry has to be there already, not revoked; it stands for itself from now on. */
  readonly isThere?: boolean;
  /** How many entries the user may have with this one; of no effect with `replaces`. */
  readonly max?: number;
  /** Entries that may be revoked to stay within `max`, in this order. */
  readonly evict?: readonly string[];
}

/** The answer to an addition. */
export interface UserIndexAddition {
  /** False when the terms did not allow it: nothing was added. */
  readonly added: boolean;
  /**
   * All entries of the user that are revoked now: for this one, or earlier by someone who did not
   * come to remove them. Whoever adds ends their sessions.
   */
  readonly revoked: readonly string[];
}

/** Which entries: one, or all but one, or all (`{ except: undefined }`). */
export type UserIndexChoice = { readonly only: string } | { readonly except: string | undefined };

/**
 * Which sessions a user has: an ability of a strong store. Here login and sign-out everywhere meet,
 * so it decides: an entry stands before the session is stored, and until it is gone.
 *
 * Each operation is atomic over all entries of one user; it need not be together with the records.
 * The index has to last as long as the records: a session that it does not know is not found when its
 * user is signed out everywhere. A store that gets one later ends all sessions first, by `clear()`.
 *
 * An entry at the end of its lifetime is not there any more, by the clock of the store. A **revoked** entry is kept, as its session may have to
 * be ended once more, but counts for nothing: it is not listed, not replaced, not settled.
 */
export interface UserIndex {
  /**
   * Adds an entry that is not settled, if the terms allow; else changes no entry. Adding what is there
   * already, and not revoked, succeeds: a driver may send a command again.
   *
   * @param lifetime in ms, for the case that nobody settles it
   */
  add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Awaitable<UserIndexAddition>;
  /**
   * Settles an entry, with a new lifetime in ms, and removes the one that it replaces; false, and
   * nothing changed, when it is not there or revoked, or when what it was to replace is gone: another
   * one has taken that place. Until it is added for itself such an entry does not count.
   */
  settle(userId: string, id: string, lifetime: number): Awaitable<boolean>;
  /**
   * Revokes entries. An entry and those that are to replace it go together, and one that has replaced
   * another answers to the id of that too. Gives the ids of all that are revoked now within that
   * choice, also of those that were before.
   */
  revoke(userId: string, choice: UserIndexChoice): Awaitable<string[]>;
  /** Removes these entries, revoked or not. */
  remove(userId: string, ids: readonly string[]): Awaitable<void>;
  /** The entries that are not revoked, in any order. */
  list(userId: string): Awaitable<UserIndexEntry[]>;
}
