import { randomBytes } from 'node:crypto';
import { errorText } from './error-text.js';
import { SessionEvents, type SessionEvent } from './session.events.js';
import { expiryOf } from './session.expiry.js';
import type { ResolvedSessionOptions } from './session.options.js';
import { plainTextNotice } from './session.sealing.js';
import { Sweeper } from './session.sweeper.js';
import { SessionUsers } from './session.users.js';
import { HASHED_TOKENS } from './session-token.js';
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
  readonly events: SessionEvents;
  readonly store: StoreAccess;
  /** Resolves when the store has been looked at; rejects when it can never work as it is. */
  readonly ready: Promise<void> | undefined;
  readonly users = new SessionUsers(this);
  private readonly sweeper: Sweeper;
  private readonly writer = randomBytes(9).toString('base64url');
  private writes = 0;
  private hasSteppedAside = false;
  /** What is to be told of sessions that the store found past their end, when somebody comes with their token. */
  private readonly ended = new BoundedMap<SessionEvent>(MAX_ENDED);
  private closing: Promise<void> | undefined;

  constructor(readonly options: ResolvedSessionOptions) {
    const { tokens } = options.store;
    this.tokens = tokens ?? HASHED_TOKENS;
    this.events = new SessionEvents(options.logger, options.clock, tokens && ((id) => tokens.publicIdOf(id)));
    this.store = new StoreAccess(options.store, options.storeTimeout, this.events, options.clock);
    const notice = plainTextNotice(options.codec);
    if (notice !== undefined) this.events.emit({ type: 'store_notice', reason: notice });
    const attached = options.store.attach?.({
      now: options.clock,
      storeTimeout: options.storeTimeout,
      options,
      evicted: (id, reason) => {
        this.events.emit({ type: 'session_evicted', id, reason });
      },
      expired: (id, record) => {
        this.ended.set(id, expiryOf(id, record, options));
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
    this.events.emit(told ?? { type: 'token_unknown', id });
  }

  /** A version that no other write of any process has: a write that comes back is known as ours. */
  nextVersion(): string {
    return `${this.writer}.${(++this.writes).toString(36)}`;
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

  /** Removes a record that can't be read, and never will be: its client gets a new start with its next request. */
  discard(id: string, reason: string): void {
    this.events.emit({ type: 'record_corrupt', id, reason });
    this.store.aside(() => this.store.destroy(id));
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
    // HTTP waits for open connections only; a request whose client has left may still be storing.
    await this.store.drained();
    await this.store.close();
  }
}
