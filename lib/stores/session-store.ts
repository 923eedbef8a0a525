import type { ResolvedSessionOptions } from '../session.options.js';
import type { UserIndex } from './user-index.js';

/** A value, or a promise of one: a store in memory need not make the request wait. */
export type Awaitable<T> = T | PromiseLike<T>;

/** The two clocks of a session, in ms. A session ends at whichever runs out first. */
export interface SessionTimes {
  /** When both clocks started, in ms since the epoch. The absolute limit counts from here. */
  readonly startedAt: number;
  /** When the session was last used, in ms since the epoch. The idle limit counts from here. */
  readonly usedAt: number;
  /** Idle limit in ms. */
  readonly idleTimeout: number;
  /** Absolute limit in ms. */
  readonly absoluteTimeout: number;
}

/** What a store keeps under a session's id. All of it but the times is opaque to the store. */
export interface SessionRecord extends SessionTimes {
  /** The session's data and more, as text. */
  readonly payload: string;
  /** Unique to each write; compared for equality only. */
  readonly version: string;
  /** The user that the session is bound to, if any. An update may change or remove it. */
  readonly userId?: string;
}

/** When a record ends, in ms since the epoch. From then on a store treats it as missing. */
export function endOf(times: SessionTimes): number {
  return Math.min(times.usedAt + times.idleTimeout, times.startedAt + times.absoluteTimeout);
}

/**
 * The later use of a session: what `touch` leaves behind. A touch may arrive late and must not move
 * the idle clock back; a time that lies in the future is of a clock that was put back, and does not count.
 */
export function laterUse(current: SessionTimes, touched: SessionTimes, now: number): number {
  return current.usedAt > now ? touched.usedAt : Math.max(current.usedAt, touched.usedAt);
}

/** The answer to a conditional update. */
export type UpdateResult =
  | { readonly status: 'updated' }
  | { readonly status: 'missing' }
  /** The record has another version than expected: here it is. */
  | { readonly status: 'conflict'; readonly current: SessionRecord };

/** What one batch of a sweep did. */
export interface SweepResult {
  /** How many records it removed. */
  readonly removed: number;
  /** False when there is more to look at: the sweep goes on with another batch. */
  readonly done: boolean;
}

/** How tokens look, and where their sessions are kept. */
export interface TokenFormat {
  /** Whether a store may be asked for this. What a client sent may be anything: constant work. */
  isToken(value: string): boolean;
  /** The key under which the store has the session of a token. */
  idOf(token: string): string;
  /** What may be shown of such a key, in events and lists: nobody can make the token of it. */
  publicIdOf(id: string): string;
}

export type HostOptions = Pick<
  ResolvedSessionOptions,
  'idleTimeout' | 'absoluteTimeout' | 'touchInterval' | 'userIdOf' | 'transports' | 'codec'
>;

/** What hears of sessions that end. Each method returns at once and throws nothing. */
export interface EndingsListener {
  /** The session of this id may have ended: its record is looked at. Once too often does no harm. */
  ended(id: string): void;
  /** From now on every end is told. Some before may not have been: all sessions that are watched are looked at. */
  connected(): void;
  /** Ends may go untold until `connected` is called again: the sessions are looked at all the time. */
  lost(): void;
}

/** Tells of the ends of sessions: an ability of a strong store. */
export interface SessionEndings {
  /**
   * Begins to listen. Told within a second, by whichever process: each `destroy` that removed a record, each `update`
   * with `isEnd`, each record that was dropped to make room, and `clear` (by `connected`, or each by its id). Expiry
   * need not be told. It connects by itself, again and again; it fails silently, or by a notice.
   *
   * @returns ends it, and releases what was opened for it
   */
  listen(listener: EndingsListener): () => Awaitable<void>;
}

/** What a store may ask of the session layer that it serves. */
export interface StoreHost {
  /** The clock that decides about expiry: ms since the epoch. */
  now(): number;
  /** How long an operation may take, in ms: nobody waits for a later answer. */
  readonly storeTimeout: number;
  /** The options of the session layer, for a store that has sessions which others wrote. */
  readonly options?: HostOptions;
  /** Tells that a living session was dropped to make room. */
  evicted(id: string, reason: string): void;
  /** Tells of a record past its end that was asked for: the store gives it as missing, and nobody else knows. */
  expired?(id: string, record: SessionRecord): void;
  /** Says what the application should know: a limit of the store, with the remedy. What varies comes after a colon. */
  notice(text: string): void;
}

/**
 * The strong store contract: every operation is atomic on its own.
 *
 * An id is 43 characters of base64url (SHA-256 of a token). A record past {@link endOf} is missing,
 * whether or not it is still kept. Errors (thrown or rejected) mean a fault of the system; an
 * unknown id never is one. Each operation sees every one that was acknowledged before: a replica that
 * lags behind is no store. One whose command was sent and not answered throws a `SessionError`
 * `OUTCOME_UNKNOWN`.
 *
 * The optional members are looked for once, when the store is handed over, before `attach`.
 */
export interface AtomicSessionStore {
  /**
   * Called once, before any operation. A store that is elsewhere may look there, and give a promise: a
   * `SessionConfigError` ends the boot of a Nest application (a table is missing, say); any other rejection is a
   * notice, and the application starts, as a server may come later. It has `storeTimeout` for that.
   */
  attach?(host: StoreHost): Awaitable<void>;
  /** The record, or undefined when it is missing. */
  load(id: string): Awaitable<SessionRecord | undefined>;
  /** Stores a new record; false, and nothing changed, when the id exists. Never overwrites. */
  create(id: string, record: SessionRecord): Awaitable<boolean>;
  /**
   * Replaces the record only if it is there and has the expected version. Never creates.
   *
   * @param isEnd whether the session ends with it under this id, as its token was replaced: a store with `endings` tells
   */
  update(id: string, record: SessionRecord, expectedVersion: string, isEnd?: boolean): Awaitable<UpdateResult>;
  /**
   * Moves the idle clock to {@link laterUse} only if the record is there; false otherwise.
   * Data and version stay.
   */
  touch(id: string, times: SessionTimes): Awaitable<boolean>;
  /**
   * Removes the record, with `version` only if it has that version, and gives what was there, removed
   * or not; undefined when it was missing. Resolves when it can't come back.
   */
  destroy(id: string, version?: string): Awaitable<SessionRecord | undefined>;

  /** Default: tokens of 43 characters of base64url, and SHA-256 of them in the same form as the key. */
  readonly tokens?: TokenFormat | undefined;
  /**
   * Which sessions each user has. Without it `login` binds a session to its user all the same, but
   * nothing can list or end the sessions of a user.
   */
  readonly users?: UserIndex | undefined;
  /**
   * Tells of sessions that were ended, by whichever process. Without it a session that is watched (a socket or a stream
   * hangs on it) is loaded more than once a second.
   */
  readonly endings?: SessionEndings | undefined;
  /** Removes ended records, one bounded batch a call. Not needed where the backend expires them. */
  sweep?(): Awaitable<SweepResult>;
  /** How many living sessions there are. Like `clear` it may take longer than `storeTimeout`, but none of its steps may. */
  count?(): Awaitable<number>;
  /** Removes every session, and what the index of users holds. */
  clear?(): Awaitable<void>;
  /** Releases what the store itself opened. */
  close?(): Awaitable<void>;
}

/** Node's callback: an error or null, then the value. */
export type StoreCallback<T = unknown> = (error?: unknown, value?: T) => void;

/** A session as a simple store sees it: plain JSON data, and the session layer's own part. */
export type StoredSession = Record<string, unknown>;

/**
 * The simple store contract of express-token-session: three methods, promise or callback.
 *
 * A store that answers by callback declares it as the last parameter of each method, without a
 * default; one that gives promises leaves it out. `ttl` is the time in ms after
 * which the session may be dropped. `session` is a deep copy; what `get` gives must equal what
 * `set` got (also through JSON). Destroying a missing session succeeds.
 *
 * `set` is unconditional, so two processes that write one session at the same time can overwrite
 * each other, and a slow one can bring a destroyed session back. Within one process both are
 * excluded, as long as `set` does not take effect later than twice `storeTimeout` after its call. Implement {@link AtomicSessionStore} to exclude them everywhere.
 */
export interface SessionStore {
  /** How notices call it; default: its class. */
  readonly name?: string;
  /** Called once, before any other method. */
  attach?(host: StoreHost): void;
  /** The session, or nothing (undefined or null) when there is none or it has ended. */
  get(sid: string, callback: StoreCallback<StoredSession | null | undefined>): unknown;
  /** Stores the session, whether or not there was one. It may be dropped after `ttl` ms. */
  set(sid: string, session: StoredSession, ttl: number, callback: StoreCallback): unknown;
  /** Removes the session; a missing one is no error. */
  destroy(sid: string, callback: StoreCallback): unknown;
  /** Replaces the session's metadata and expiry if it is still there. Without it, `get` and `set` are used. */
  touch?(sid: string, session: StoredSession, ttl: number, callback: StoreCallback): unknown;
  /** The number of sessions. */
  length?(callback: StoreCallback<number>): unknown;
  /** Removes all sessions. */
  clear?(callback: StoreCallback): unknown;
  /** All sessions by id. */
  all?(callback: StoreCallback<Record<string, StoredSession>>): unknown;
  /** Releases what the store itself opened, when the application stops. */
  close?(): unknown;
}

/** Base class for simple stores, for those who prefer `extends` to `implements`. */
export abstract class Store implements SessionStore {
  abstract get(sid: string, callback: StoreCallback<StoredSession | null | undefined>): unknown;
  abstract set(sid: string, session: StoredSession, ttl: number, callback: StoreCallback): unknown;
  abstract destroy(sid: string, callback: StoreCallback): unknown;
}
