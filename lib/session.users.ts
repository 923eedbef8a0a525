import type { SessionEngine } from './session.engine.js';
import { SessionError, SessionUsageError } from './session.errors.js';
import { detailsOf, type SessionDetails } from './session.details.js';
import { interpret, type LiveReading } from './session.reading.js';
import { currentId } from './session.ending.js';
import { ended } from './session.writer.js';
import type { SessionTimes } from './stores/session-store.js';
import type { UserIndexAccess } from './stores/user-index-access.js';
import type { UserIndexAddition, UserIndexEntry, UserIndexTerms } from './stores/user-index.js';

/** A user's session as `list` gives it. Holds no token. */
export interface UserSession extends SessionDetails {
  /** The session's public id, for `destroyById`. */
  readonly id: string;
  /** Whose it is. */
  readonly userId: string;
}

/** A login that is not done within this time in ms has failed: its entry counts no longer. */
const LOGIN_DEADLINE = 60_000;

/** How much longer than its session an entry lives, in ms: clocks of application and store differ (C47). */
const MARGIN = 600_000;

/** How often a login beyond `maxPerUser` tries to make room while others log in, too. */
const MAX_ATTEMPTS = 100;

/** After how many logins some entries of the user who logs in are looked through. */
const TIDY_EVERY = 100;

/** How many of a user's sessions are asked of the store at a time. */
const BATCH = 50;

/**
 * The sessions of each user, by the store's index. There login and sign-out everywhere meet: an
 * entry is added before its session is stored, and settled after; where it was revoked in between,
 * the session must not live (laws 6 and 7).
 */
export class SessionUsers {
  private logins = 0;

  constructor(private readonly engine: SessionEngine) {}

  /**
   * Adds an entry for a session that is about to be stored.
   *
   * @param isThere whether it is in the index already, in the place of one that is gone
   * @throws SessionError `TOO_MANY_SESSIONS`
   * @throws SessionError `SESSION_ENDED` when the entry was there already, and was revoked
   */
  async admit(userId: string, id: string, isThere = false): Promise<void> {
    const { maxPerUser: max, onMaxPerUser } = this.engine.options;
    const { users } = this.engine.store;
    if (users === undefined) return;
    if (++this.logins % TIDY_EVERY === 0) this.tidy(users, userId, this.logins / TIDY_EVERY);
    let terms: UserIndexTerms = { isThere, ...(max !== undefined && { max }) };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (await this.add(users, userId, id, terms)) return;
      if (max === undefined) throw ended();
      // Sessions that ran out are in the index still; they must not keep anybody out.
      const { living, expired, hadGone } = await this.sessionsOf(users, userId);
      if (isThere && !living.some((found) => found.id === id)) throw ended();
      if (hadGone) continue;
      if (onMaxPerUser === 'reject' && (expired.length === 0 || terms.evict !== undefined)) break;
      const candidates = onMaxPerUser === 'reject' ? [] : byLastUse(living).reverse();
      terms = { isThere, max, evict: [...expired, ...candidates.map((found) => found.id)] };
    }
    const reason = `This user has ${String(max)} sessions already. End one of them first.`;
    this.engine.events.emit({ type: 'authn_login_fail', userId, reason });
    throw new SessionError('TOO_MANY_SESSIONS', reason);
  }

  /** Removes entries of sessions that ran out, some of them: nobody may ever list this user's. */
  private tidy(users: UserIndexAccess, userId: string, round: number): void {
    this.engine.store.aside(async () => {
      const entries = await users.list(userId);
      // Another part each time.
      const start = (round * BATCH) % Math.max(1, entries.length);
      await this.sessionsAmong(users, userId, entries, entries.slice(start, start + BATCH));
    });
  }

  /** Adds an entry that replaces another; false when that is not there any more. */
  async succeed(userId: string, id: string, replaced: string): Promise<boolean> {
    const { users } = this.engine.store;
    return users === undefined || this.add(users, userId, id, { replaces: replaced });
  }

  /** Settles the entry of a session that is stored now; false when it has to go again. */
  async settle(userId: string, id: string, times: SessionTimes): Promise<boolean> {
    const { users } = this.engine.store;
    if (users === undefined) return true;
    return users.settle(userId, id, times.startedAt + times.absoluteTimeout - this.engine.now() + MARGIN);
  }

  /** Forgets entries whose sessions have ended. Nobody waits: until then they are entries without a session. */
  leave(userId: string, ids: readonly string[]): void {
    const { store } = this.engine;
    if (store.users !== undefined) store.aside(() => store.users?.remove(userId, ids));
  }

  /** The living sessions of a user, the one used last first. */
  async list(userId: string): Promise<UserSession[]> {
    const { living } = await this.sessionsOf(this.required('list'), userId);
    const { tokens } = this.engine;
    return byLastUse(living).flatMap(({ id, reading }) =>
      reading === undefined
        ? []
        : [{ ...detailsOf(reading.record, reading.identity, this.engine.options), id: tokens.publicIdOf(id), userId }],
    );
  }

  /** Ends one session of a user; false when the user has no such session. */
  async destroyById(userId: string, id: string): Promise<boolean> {
    const users = this.required('destroyById');
    const revoked = await users.revoke(userId, { only: id });
    return (await this.end(users, userId, revoked)) > 0;
  }

  /** Ends all sessions of a user but `except`; the number ended. */
  async destroyAll(userId: string, except: string | undefined): Promise<number> {
    const users = this.required('destroyAll');
    const revoked = await users.revoke(userId, { except: except && (await currentId(this.engine, except)) });
    return this.end(users, userId, revoked);
  }

  /** Adds an entry, and ends the sessions that have to go for it. */
  private async add(users: UserIndexAccess, userId: string, id: string, terms: UserIndexTerms): Promise<boolean> {
    let addition: UserIndexAddition;
    try {
      addition = await users.add(userId, id, LOGIN_DEADLINE, terms);
    } catch (error) {
      // It may be there all the same.
      void this.engine.store.owe(async () => users.remove(userId, [id]));
      throw error;
    }
    const { added, revoked } = addition;
    if (revoked.length === 0) return added;
    if (revoked.includes(id)) throw ended();
    try {
      const reason = 'the user signed in elsewhere, and maxPerUser was reached';
      await this.end(users, userId, revoked, terms.evict === undefined ? undefined : reason);
    } catch (error) {
      if (added) this.leave(userId, [id]);
      throw error;
    }
    return added;
  }

  /** Ends sessions whose entries are revoked. What fails can be done again: the entries go last. */
  private async end(
    users: UserIndexAccess,
    userId: string,
    ids: readonly string[],
    evictedFor?: string,
  ): Promise<number> {
    const { store, events } = this.engine;
    const records = await inBatches(ids, async (id) => {
      const record = await store.destroy(id);
      if (record === undefined) return undefined;
      if (evictedFor === undefined) events.emit({ type: 'session_destroyed', id, userId });
      else events.emit({ type: 'session_evicted', id, userId, reason: evictedFor });
      return record;
    });
    if (ids.length > 0) await users.remove(userId, ids);
    return records.filter((record) => record !== undefined).length;
  }

  /** What became of the sessions of a user's entries. Where a session is gone its entry goes too. */
  private async sessionsOf(users: UserIndexAccess, userId: string): Promise<Sessions> {
    const entries = await users.list(userId);
    return this.sessionsAmong(users, userId, entries, entries);
  }

  /** The same of some of the entries. */
  private async sessionsAmong(
    users: UserIndexAccess,
    userId: string,
    entries: readonly UserIndexEntry[],
    some: readonly UserIndexEntry[],
  ): Promise<Sessions> {
    const replaced = new Set(entries.map(({ replaces }) => replaces));
    const readings = await inBatches(some, async ({ id }) =>
      interpret(this.engine, id, await this.engine.store.load(id)),
    );
    const living: Found[] = [];
    const expired: string[] = [];
    const gone: string[] = [];
    for (const [index, { id, settled }] of some.entries()) {
      const reading = readings[index];
      if (reading?.kind === 'live' && reading.identity.userId === userId) {
        living.push({ id, usedAt: reading.record.usedAt, reading });
      } else if (reading?.kind === 'rotated') {
        // Its place is kept for the one that replaces it. Where there is none it goes with the tombstone: one
        // may be about to be added. Nobody uses it any more, so it is the first to make room.
        if (!replaced.has(id)) living.push({ id, usedAt: 0 });
      } else if (reading?.kind === 'kept' || !settled) {
        // Not readable here and yet a session, or not stored yet: it counts.
        living.push({ id, usedAt: Number.MAX_VALUE });
      } else if (reading?.kind === 'expired') {
        // By the clock and options of this process; for another one it may live, so its entry must not go alone.
        expired.push(id);
      } else if (reading?.kind === 'live') {
        gone.push(id);
      } else {
        if (reading?.kind === 'corrupt') this.engine.discard(id, reading.reason);
        // For the same reason: what is missing here may only be too old for the store's view of the time.
        else await this.engine.store.destroy(id);
        gone.push(id);
      }
    }
    if (gone.length > 0) await users.remove(userId, gone);
    return { living, expired, hadGone: gone.length > 0 };
  }

  private required(operation: string): UserIndexAccess {
    const { users } = this.engine.store;
    if (users !== undefined) return users;
    throw new SessionUsageError(
      'NOT_SUPPORTED',
      `The session store can't ${operation}: it has no \`users\`, its index of users.`,
    );
  }
}

/** The sessions of a user's entries. */
interface Sessions {
  /** They count, and are listed where they can be read. */
  readonly living: Found[];
  /** The ids of those past a limit. */
  readonly expired: string[];
  /** Whether entries were removed as their sessions are gone, or belong to somebody else. */
  readonly hadGone: boolean;
}

/** An entry with its session, where that can be read. */
interface Found {
  readonly id: string;
  readonly usedAt: number;
  readonly reading?: LiveReading;
}

/** The one used last first; among equals the one that began last, or else the one that the index gave last. */
function byLastUse(found: readonly Found[]): Found[] {
  const startOf = ({ reading }: Found): number => reading?.record.startedAt ?? 0;
  return [...found].reverse().sort((a, b) => b.usedAt - a.usedAt || startOf(b) - startOf(a));
}

async function inBatches<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += BATCH) {
    results.push(...(await Promise.all(items.slice(start, start + BATCH).map(act))));
  }
  return results;
}
