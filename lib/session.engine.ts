import { randomBytes } from 'node:crypto';
import { ConnectionTokens } from './connection-tokens.js';
import { errorText } from './error-text.js';
import { SessionEvents, type SessionEvent } from './session.events.js';
import { expiryOf } from './session.expiry.js';
import type { ResolvedSessionOptions } from './session.options.js';
import { plainTextNotice } from './session.sealing.js';
import { Sweeper } from './session.sweeper.js';
import { SessionUsers } from './session.users.js';
import { SessionWatch, type SessionEnd } from './session.watch.js';
import { hashedTokensOf } from './session-token.js';
import { isPromise } from './stores/awaitable.js';
import { BoundedMap } from './stores/bounded-map.js';
import { within } from './stores/deadline.js';
import type { SessionRecord, TokenFormat } from './stores/session-store.js';
import { StoreAccess } from './stores/store-access.js';

/** So many sessions past their end are remembered for the events of their tokens. */
const MAX_ENDED = 100;

/** What all sessions of one `forRoot` or `session()` share: options, store, clock, events. */
export class SessionEngine {
  /** How tokens look, and which of their sessions' names the store and which everybody may know. */
  readonly tokens: TokenFormat;
  /** The same for tokens of requests. */
  readonly connections: ConnectionTokens;
  readonly events: SessionEvents;
  readonly store: StoreAccess;
  /** Resolves when the store has been looked at; rejects when it can never work as it is. */
  readonly ready: Promise<void> | undefined;
  readonly users = new SessionUsers(this);
  private readonly watching = new SessionWatch(this);
  private readonly sweeper: Sweeper;
  private readonly writer = `${randomBytes(9).toString('base64url')}.`;
  private writes = 0;
  private hasSteppedAside = false;
  /** What is to be told of sessions that the store found past their end, when somebody comes with their token. */
  private readonly ended = new BoundedMap<SessionEvent>(MAX_ENDED);
  private closing: Promise<void> | undefined;

  constructor(readonly options: ResolvedSessionOptions) {
    const { tokens } = options.store;
    this.tokens = tokens ?? hashedTokensOf(options.name);
    this.connections = new ConnectionTokens(this.tokens);
    const { name, clock } = options;
    this.events = new SessionEvents(options.logger, clock, tokens && ((id) => tokens.publicIdOf(id)), name);
    this.store = new StoreAccess(options.store, options.storeTimeout, this.events, clock, name);
    const notice = plainTextNotice(options.codec);
    if (notice !== undefined) this.events.emit({ type: 'store_notice', reason: notice });
    const attached = options.store.attach?.({
      now: options.clock,
      storeTimeout: options.storeTimeout,
      options,
      evicted: (id, reason) => {
        this.store.decoded.delete(id);
        this.events.emit({ type: 'session_evicted', id, reason });
        this.watching.tell(id, 'ended');
      },
      expired: (id, record) => {
        this.store.decoded.delete(id);
        this.ended.set(id, expiryOf(id, record, options));
        this.watching.tell(id, 'expired');
      },
      notice: (reason) => {
        this.events.emit({ type: 'store_notice', reason });
      },
    });
    this.ready = isPromise(attached) ? this.checked(attached) : undefined;
    this.sweeper = new Sweeper(this.store);
    this.sweeper.start();
  }

  now(): number {
    return this.options.clock();
  }

  /** Tells of a token that opens nothing: its session has expired, as far as the store still knew one. */
  missed(id: string, expired?: SessionRecord): void {
    const told = expired === undefined ? this.ended.get(id) : expiryOf(id, expired, this.options);
    this.ended.delete(id);
    if (expired === undefined) this.watching.lookAt(id);
    else this.watching.tell(id, 'expired');
    this.events.emit(told ?? { type: 'token_unknown', id });
  }

  /**
   * Calls back, once, when a session has ended, whichever process ended it: in this one at once, by another one within
   * a second. While nothing is watched there is no timer, no listener and no connection.
   *
   * @param id the key under which the store has the session
   * @param ended may throw without harm; not called any more once the engine is closed
   * @returns ends the watching
   */
  watch(id: string, ended: (why: SessionEnd) => void): () => void {
    return this.watching.watch(id, ended);
  }

  /** A version that no other write of any process has: a write that comes back is known as ours. */
  nextVersion(): string {
    return this.writer + (++this.writes).toString(36);
  }

  /** Removes all ended sessions that the store still keeps; the number removed. */
  sweep(): Promise<number> {
    return this.sweeper.sweep();
  }

  /** Another session layer had the request first: its sessions count, not these (law 10). Told once. */
  stepAside(other: SessionEngine): void {
    if (other === this || this.hasSteppedAside) return;
    this.hasSteppedAside = true;
    this.events.emit({
      type: 'store_notice',
      reason:
        'Two session layers are mounted, app.use(session()) and SessionModule for example. Requests use the one that ' +
        'comes first; the SessionService of the other does not know their sessions. Remove one.',
    });
  }

  /**
   * Removes a record that can't be read, and never will be: its client gets a new start with its next request.
   *
   * @param version of that record where it is known: what another process stored meanwhile stays
   */
  discard(id: string, reason: string, version?: string): void {
    this.events.emit({ type: 'record_corrupt', id, reason });
    this.store.aside(() => this.store.destroy(id, version));
  }

  /** Stops the sweep and releases what the store itself opened; once, however often it is called. */
  close(): Promise<void> {
    return (this.closing ??= this.stop());
  }

  private async checked(attached: PromiseLike<void>): Promise<void> {
    const { storeTimeout } = this.options;
    try {
      await within(attached, storeTimeout, () => new Error(`no answer within ${String(storeTimeout)} ms`));
    } catch (error) {
      // By name: both copies of this package can meet in one process.
      if (error instanceof Error && error.name === 'SessionConfigError') throw error;
      this.events.emit({
        type: 'store_notice',
        reason: `The session store is not there yet, and requests with a session get 503 until it is: ${errorText(error)}`,
      });
    }
  }

  private async stop(): Promise<void> {
    this.sweeper.stop();
    await this.watching.close();
    // HTTP waits for open connections only; a request whose client has left may still be storing.
    await this.store.drained();
    await this.store.close();
  }
}
