import type { SessionEngine } from './session.engine.js';
import { SessionError, SessionUsageError } from './session.errors.js';
import { detailsOf, type SessionDetails } from './session.details.js';
import { interpret, type LiveReading } from './session.reading.js';
import type { SessionTimes } from './stores/session-store.js';
import type { UserIndexAccess } from './stores/user-index-access.js';
import type { UserIndexEntry, UserIndexTerms } from './stores/user-index.js';

/** A user's session as `list` gives it. Holds no token. */
export interface UserSession extends SessionDetails {
  readonly id: string;
  readonly userId: string;
}

/** A login that is not done within this time in ms has failed: its entry counts no longer. */
const LOGIN_DEADLINE = 60_000;

/** How much longer than its session an entry lives, in ms: clocks of application and store differ (C47). */
const MARGIN = 600_000;

/** How often a login beyond `maxPerUser` tries to make room while others log in, too. */
const MAX_ATTEMPTS = 100;

/** How many of a user's sessions are asked of the store at a time. */
const BATCH = 50;

/**
 * The sessions of each user, by the store's index. There login and sign-out everywhere meet: an
 * entry is added before its session is stored, and settled after; where it was revoked in between,
 * the session must not live (laws 6 and 7).
 */
export class SessionUsers {
  constructor(private readonly engine: SessionEngine) {}

  /**
   * Adds an entry for a session that is about to be stored.
   *
   * @throws SessionError `TOO_MANY_SESSIONS`
   */
  async admit(userId: string, id: string): Promise<void> {
    const { maxPerUser: max, onMaxPerUser } = this.engine.options;
    const { users } = this.engine.store;
    if (users === undefined) return;
    let terms: UserIndexTerms = max === undefined ? {} : { max };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { added, evicted } = await users.add(userId, id, LOGIN_DEADLINE, terms);
      if (evicted.length > 0) await this.evict(users, userId, evicted);
      if (added) return;
      // Sessions that ran out are in the index still; they must not keep anybody out.
      const { living, hadEnded } = await this.sessionsOf(users, userId);
      if (hadEnded) continue;
      if (onMaxPerUser === 'reject') break;
      const evict = byLastUse(living).map(([entry]) => entry.id);
      terms = { ...terms, evict: evict.reverse() };
    }
    const reason = `This user has ${String(max)} sessions already. End one of them first.`;
    this.engine.events.emit({ type: 'login_refused', userId, reason });
    throw new SessionError('TOO_MANY_SESSIONS', reason);
  }

  /** Adds an entry that replaces another; false when that is not there any more. */
  async succeed(userId: string, id: string, replaced: string): Promise<boolean> {
    const { users } = this.engine.store;
    if (users === undefined) return true;
    return (await users.add(userId, id, LOGIN_DEADLINE, { replaces: replaced })).added;
  }

  /** Settles the entry of a session that is stored now; false when it has to go again. */
  async settle(userId: string, id: string, times: SessionTimes): Promise<boolean> {
    const { users } = this.engine.store;
    if (users === undefined) return true;
    return users.settle(userId, id, times.startedAt + times.absoluteTimeout - this.engine.now() + MARGIN);
  }

  /** Forgets an entry whose session has ended. Nobody waits: until then it is an entry without a session. */
  leave(userId: string, id: string): void {
    const { store } = this.engine;
    if (store.users !== undefined) store.aside(() => store.users?.remove(userId, [id]));
  }

  /** The living sessions of a user, the one used last first. */
  async list(userId: string): Promise<UserSession[]> {
    const { living } = await this.sessionsOf(this.required('list'), userId);
    return byLastUse(living).flatMap(([{ id }, reading]) =>
      reading === undefined
        ? []
        : [{ ...detailsOf(reading.record, reading.identity, this.engine.options), id, userId }],
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
    return this.end(users, userId, await users.revoke(userId, except === undefined ? {} : { except }));
  }

  /** Ends sessions whose entries are revoked. What fails can be done again: the entries go last. */
  private async end(users: UserIndexAccess, userId: string, ids: readonly string[]): Promise<number> {
    const { store, events } = this.engine;
    let ended = 0;
    await inBatches(ids, async (id) => {
      if ((await store.destroy(id)) === undefined) return;
      ended++;
      events.emit({ type: 'session_destroyed', id, userId });
    });
    if (ids.length > 0) await users.remove(userId, ids);
    return ended;
  }

  private async evict(users: UserIndexAccess, userId: string, ids: readonly string[]): Promise<void> {
    const { store, events } = this.engine;
    for (const id of ids) {
      await store.destroy(id);
      events.emit({ type: 'session_evicted', id, reason: 'the user signed in elsewhere, and maxPerUser was reached' });
    }
    await users.remove(userId, ids);
  }

  /** The entries whose sessions live or are being stored; those whose sessions ended are removed. */
  private async sessionsOf(users: UserIndexAccess, userId: string): Promise<{ living: Found[]; hadEnded: boolean }> {
    const living: Found[] = [];
    const ended: string[] = [];
    await inBatches(await users.list(userId), async (entry) => {
      const reading = interpret(this.engine, await this.engine.store.load(entry.id));
      if (reading.kind === 'live' && reading.identity.userId === userId) living.push([entry, reading]);
      // Not readable here and yet a session: it counts.
      else if (reading.kind === 'newer' || !entry.settled) living.push([entry, undefined]);
      else ended.push(entry.id);
    });
    if (ended.length > 0) await users.remove(userId, ended);
    return { living, hadEnded: ended.length > 0 };
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

/** An entry with its session; without one while that is being stored. */
type Found = readonly [UserIndexEntry, LiveReading | undefined];

function byLastUse(found: readonly Found[]): Found[] {
  const lastUse = ([, reading]: Found): number => reading?.record.usedAt ?? Infinity;
  return [...found].sort((a, b) => (lastUse(b) === lastUse(a) ? 0 : lastUse(b) - lastUse(a)));
}

async function inBatches<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += BATCH) {
    await Promise.all(items.slice(start, start + BATCH).map(act));
  }
}
