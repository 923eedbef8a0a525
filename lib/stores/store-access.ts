import { DecodedTexts } from '../codec/decoded-texts.js';
import { errorText } from '../error-text.js';
import { isSessionError, SessionError } from '../session.errors.js';
import type { SessionEvents } from '../session.events.js';
import { isRecord } from '../session.record.js';
import { ofLayer, STORE_CHANNEL, type StoreOperationMessage } from '../telemetry/channels.js';
import { outcomeOf } from '../telemetry/store-outcome.js';
import { traced } from '../telemetry/traced.js';
import type {
  AtomicSessionStore,
  Awaitable,
  SessionEndings,
  SessionRecord,
  SessionTimes,
  SweepResult,
  UpdateResult,
} from './session-store.js';
import { isPromise } from './awaitable.js';
import { OwedCommands } from './owed-commands.js';
import { storeNameOf } from './store-name.js';
import { UserIndexAccess, type UserOperation } from './user-index-access.js';

/** What a store is asked for; `users.` is its index of users. */
export type StoreOperation =
  'load' | 'create' | 'update' | 'touch' | 'destroy' | 'sweep' | 'count' | 'clear' | UserOperation;

type Operation = StoreOperation | 'close';

/** Operations that leave it open whether they were carried out when no answer comes. */
const WRITES = new Set<Operation>([
  'create',
  'update',
  'destroy',
  'users.add',
  'users.settle',
  'users.revoke',
  'clear',
]);

/** Operations over the whole store take as long as that is large; how many times `storeTimeout` they may. */
const WHOLE_STORE = new Set<Operation>(['count', 'clear']);
const WHOLE_STORE_FACTOR = 60;

/** After so many calls in a row that were not answered in time only one at a time is sent on. */
const MAX_UNANSWERED = 100;

/** Hears of what may end a session in this process, with the answer that it gives on. */
export interface EndWatcher {
  destroyed(
    id: string,
    version: string | undefined,
    answer: Awaitable<SessionRecord | undefined>,
  ): Awaitable<SessionRecord | undefined>;
  replaced(id: string, answer: Awaitable<UpdateResult>): Awaitable<UpdateResult>;
  lookAtAll(): void;
}

/** What is left when a store gives something that is not a record. */
export const UNREADABLE = Symbol('unreadable');

/**
 * The store behind a deadline. Whatever a store does (throws, rejects, hangs, answers nonsense), a
 * call ends within `storeTimeout` with a result or a `SessionError`. An answer that is there at
 * once is given at once, without a promise.
 */
export class StoreAccess {
  /** Which sessions each user has, where the store keeps that. */
  readonly users: UserIndexAccess | undefined;
  /** Tells of sessions that other processes ended, where the store can. */
  readonly endings: SessionEndings | undefined;
  /** What records from here were decoded to a moment ago. */
  readonly decoded = new DecodedTexts();
  /** While somebody watches sessions. */
  watcher: EndWatcher | undefined;
  private failing = false;
  private readonly owed: OwedCommands;
  private readonly underWay = new Set<Promise<unknown>>();
  /** Calls that were not answered in time since the last answer. */
  private unanswered = 0;
  private hasProbe = false;
  /** Whether its answers take time: then what it gives at once comes from a cache, and tells nothing of it. */
  private isRemote = false;
  private readonly name: string;

  constructor(
    readonly store: AtomicSessionStore,
    private readonly timeout: number,
    private readonly events: SessionEvents,
    now: () => number,
    /** The name of the session layer that asks; undefined for the default one. */
    private readonly layer?: string,
  ) {
    this.owed = new OwedCommands(events, now);
    this.name = storeNameOf(store);
    this.endings = store.endings;
    this.users = store.users && new UserIndexAccess(store.users, (operation, run) => this.call(operation, run));
  }

  load(id: string): Awaitable<SessionRecord | typeof UNREADABLE | undefined> {
    const loaded = this.call('load', () => this.store.load(id));
    return isPromise(loaded) ? loaded.then(checked) : checked(loaded);
  }

  create(id: string, record: SessionRecord): Awaitable<boolean> {
    return this.call('create', () => this.store.create(id, record));
  }

  update(id: string, record: SessionRecord, expectedVersion: string, isEnd?: boolean): Awaitable<UpdateResult> {
    const updated = this.call('update', () => {
      const result = this.store.update(id, record, expectedVersion, isEnd);
      return isPromise(result) ? result.then(checkedResult) : checkedResult(result);
    });
    return isEnd === true && this.watcher !== undefined ? this.watcher.replaced(id, updated) : updated;
  }

  touch(id: string, times: SessionTimes): Awaitable<boolean> {
    return this.call('touch', () => this.store.touch(id, times));
  }

  destroy(id: string, version?: string): Awaitable<SessionRecord | undefined> {
    this.decoded.delete(id);
    const destroyed = this.call('destroy', () => this.store.destroy(id, version), version);
    return this.watcher === undefined ? destroyed : this.watcher.destroyed(id, version, destroyed);
  }

  sweep(): Awaitable<SweepResult> | undefined {
    const { store } = this;
    return store.sweep === undefined ? undefined : this.call('sweep', () => store.sweep?.() as Awaitable<SweepResult>);
  }

  count(): Awaitable<number> | undefined {
    const { store } = this;
    return store.count === undefined ? undefined : this.call('count', () => store.count?.() as Awaitable<number>);
  }

  clear(): Awaitable<void> | undefined {
    const { store } = this;
    this.decoded.clear();
    return store.clear === undefined ? undefined : this.call('clear', () => store.clear?.());
  }

  private call<T>(operation: StoreOperation, run: () => Awaitable<T>, version?: string): T | Promise<T> {
    if (!STORE_CHANNEL.hasSubscribers) return this.perform(operation, run);
    const message: StoreOperationMessage = { operation, store: this.name, ...ofLayer(this.layer) };
    const perform = (): T | Promise<T> => this.perform(operation, run);
    return traced(STORE_CHANNEL, message, perform, (result) => outcomeOf(operation, result, version));
  }

  private perform<T>(operation: StoreOperation, run: () => Awaitable<T>): T | Promise<T> {
    // What a silent store is asked for stays in memory till it speaks again (F69): then only one asks.
    const isProbe = this.unanswered >= MAX_UNANSWERED;
    if (isProbe && (this.hasProbe || WHOLE_STORE.has(operation))) throw this.fault(operation, 'does not answer');
    let answer: Awaitable<T>;
    try {
      answer = run();
    } catch (cause) {
      throw this.fault(operation, cause);
    }
    if (!isPromise(answer)) {
      // A cache gives what it has at once, but never carries out a change at once.
      if (!this.isRemote || WRITES.has(operation)) this.succeeded(operation);
      return answer;
    }
    if (!isProbe) return this.withDeadline(operation, answer);
    this.hasProbe = true;
    return this.withDeadline(operation, answer).finally(() => {
      this.hasProbe = false;
    });
  }

  /** Gives a command that nobody waits for; its faults are events already. */
  aside(command: () => unknown): void {
    try {
      const answer = command();
      if (isPromise(answer)) answer.then(undefined, () => undefined);
    } catch {
      // See above.
    }
  }

  /** Runs a command that has to be carried out in the end: again when the store answers, if it fails. */
  owe(command: () => Promise<void>): Promise<void> {
    return this.owed.run(command);
  }

  /** Releases what the store itself opened. A store that can't let go in time is left alone. */
  async close(): Promise<void> {
    if (this.store.close === undefined) return;
    const closing = Promise.resolve(this.store.close());
    await this.bounded('close', closing).catch(() => undefined);
  }

  /** Resolves when nothing is asked of the store any more; bounded, as every call is. */
  async drained(): Promise<void> {
    while (this.underWay.size > 0) {
      await Promise.allSettled(this.underWay);
      // Whoever waited may ask for more: a write that met a conflict tries again.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  private withDeadline<T>(operation: Operation, answer: PromiseLike<T>): Promise<T> {
    const bounded = this.bounded(operation, answer);
    this.underWay.add(bounded);
    const settled = (): void => {
      this.underWay.delete(bounded);
    };
    bounded.then(settled, settled);
    return bounded;
  }

  private bounded<T>(operation: Operation, answer: PromiseLike<T>): Promise<T> {
    const timeout = WHOLE_STORE.has(operation) ? this.timeout * WHOLE_STORE_FACTOR : this.timeout;
    return new Promise<T>((resolve, reject) => {
      let giveUp: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        // After all other timers that are due: the store's own knows better what became of the call.
        giveUp = setImmediate(() => {
          this.unanswered++;
          reject(this.lateness(operation, timeout));
        });
      }, timeout);
      // A late answer finds the promise settled and is dropped, a late rejection too.
      answer.then(
        (value) => {
          clearTimeout(timer);
          clearImmediate(giveUp);
          this.unanswered = 0;
          this.isRemote = true;
          this.succeeded(operation);
          resolve(value);
        },
        (cause: unknown) => {
          clearTimeout(timer);
          clearImmediate(giveUp);
          this.unanswered = 0;
          reject(this.fault(operation, cause));
        },
      );
    });
  }

  private succeeded(operation: Operation): void {
    this.owed.runNext();
    if (!this.failing || operation === 'close') return;
    this.failing = false;
    this.events.emit({ type: 'store_recovered', operation });
  }

  private fault(operation: Operation, cause: unknown): SessionError {
    // A store that knows its outcome to be open says so itself; that is told as it is.
    const isOpen = isSessionError(cause);
    if (isOpen && cause.code !== 'OUTCOME_UNKNOWN') return cause;
    this.failing = true;
    this.events.emit({ type: 'store_failed', operation, reason: errorText(isOpen ? (cause.cause ?? cause) : cause) });
    if (isOpen) return cause;
    return new SessionError('STORE_UNAVAILABLE', 'The session store is unavailable. Try again.', { cause });
  }

  private lateness(operation: Operation, timeout: number): SessionError {
    this.failing = true;
    const reason = `no answer within ${String(timeout)} ms`;
    this.events.emit({ type: 'store_failed', operation, reason });
    const cause = new Error(`The session store gave ${operation} ${reason}.`);
    return WRITES.has(operation)
      ? new SessionError('OUTCOME_UNKNOWN', 'The session store did not confirm in time whether the change is stored.', {
          cause,
        })
      : new SessionError('STORE_UNAVAILABLE', 'The session store is unavailable. Try again.', { cause });
  }
}

/** What a store must not leave open: whether it wrote. */
function checkedResult(result: UpdateResult): UpdateResult {
  const status = (result as UpdateResult | undefined)?.status;
  if (status === 'updated' || status === 'missing' || status === 'conflict') return result;
  throw new TypeError("update must give { status: 'updated' | 'missing' | 'conflict' }");
}

function checked(loaded: unknown): SessionRecord | typeof UNREADABLE | undefined {
  if (loaded === undefined || loaded === null) return undefined;
  return isRecord(loaded) ? loaded : UNREADABLE;
}
