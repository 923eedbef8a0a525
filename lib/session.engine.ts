import { randomBytes } from 'node:crypto';
import { SessionEvents } from './session.events.js';
import type { ResolvedSessionOptions } from './session.options.js';
import { Sweeper } from './session.sweeper.js';
import { SessionUsers } from './session.users.js';
import { HASHED_TOKENS } from './session-token.js';
import { isPromise } from './stores/awaitable.js';
import { within } from './stores/deadline.js';
import type { TokenFormat } from './stores/session-store.js';
import { StoreAccess } from './stores/store-access.js';

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
  private closing: Promise<void> | undefined;

  constructor(readonly options: ResolvedSessionOptions) {
    const { tokens } = options.store;
    this.tokens = tokens ?? HASHED_TOKENS;
    this.events = new SessionEvents(options.logger, options.clock, tokens && ((id) => tokens.publicIdOf(id)));
    this.store = new StoreAccess(options.store, options.storeTimeout, this.events, options.clock);
    const attached = options.store.attach?.({
      now: options.clock,
      storeTimeout: options.storeTimeout,
      options,
      evicted: (id, reason) => {
        this.events.emit({ type: 'session_evicted', id, reason });
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
      const { name, message = String(error) } = (error ?? {}) as Partial<Error>;
      // By name: both copies of this package can meet in one process.
      if (name === 'SessionConfigError') throw error;
      this.events.emit({
        type: 'store_notice',
        reason: `The session store is not there yet, and requests with a session get 503 until it is: ${message}`,
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
