import { SessionDataError, SessionUsageError } from './session.errors.js';
import type { SessionState } from './session.state.js';

/** Where the session layer finds a session's state; shared by all copies of this package in a process. */
export const STATE = Symbol.for('nestjs-token-session.state');

/** The data of sessions that say no type of their own. Empty: augment it to type all sessions. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an interface can be augmented
export interface SessionData {}

/**
 * The session of a request: its data as plain properties, and the names below, which data can't use.
 *
 * ```ts
 * views(@Session() sess: Session<{ views: number }>) { … }
 * ```
 */
export type Session<T extends object = SessionData> = TokenSession & Partial<T>;

/** A Node callback for the methods that also return a promise. */
export type SessionCallback<T = void> = (error: unknown, value?: T) => void;

/** What `regenerate` takes. */
export interface RegenerateOptions<T extends object = Record<string, unknown>> {
  /** The keys whose data moves to the new session. Default none: nothing moves along unnamed. */
  keep?: readonly (keyof T & string)[];
}

/** Set by the class below, the only code that can read its private field. */
let stateOfTarget: (target: TokenSession) => SessionState;

/**
 * What every session has. The constructor that express-token-session exports under this name;
 * sessions come from the session layer, not from `new`.
 */
export class TokenSession {
  readonly #state: SessionState;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** The session behind which the data stands: refuses what a session can't take. */
  static handleOf(target: TokenSession): TokenSession {
    return new Proxy(target, HANDLER);
  }

  static {
    stateOfTarget = (target) => target.#state;
  }

  /** @internal */
  declare readonly [STATE]: SessionState;

  /** The session's public id: SHA-256 of its token. Safe to log. Undefined until the session is stored. */
  get id(): string | undefined {
    return this[STATE].publicId;
  }

  /** Whether the session is not stored yet. */
  get isNew(): boolean {
    return this[STATE].isNew;
  }

  /** Time in ms until the session ends if it is not used again. */
  get maxAge(): number {
    return this[STATE].maxAge;
  }

  /**
   * Stores what changed, now. Without it that happens before the answer leaves.
   *
   * @throws SessionError `SESSION_ENDED`, `SESSION_CONFLICT`, `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   * @throws SessionDataError for data that can't be stored
   */
  save(callback?: SessionCallback): Promise<void> {
    return settle(this[STATE].save(), callback);
  }

  /**
   * Takes the stored data again; changes that are not saved are dropped.
   *
   * @throws SessionError `SESSION_ENDED` when it is not stored any more, `STORE_UNAVAILABLE`
   */
  reload(callback?: SessionCallback): Promise<void> {
    return settle(this[STATE].reload(), callback);
  }

  /**
   * Ends the session: no later read by its token succeeds. `req.session` is undefined from then on.
   *
   * @throws SessionError `STORE_UNAVAILABLE` or `OUTCOME_UNKNOWN` when that is not certain
   */
  destroy(callback?: SessionCallback): Promise<void> {
    return settle(this[STATE].destroy(), callback);
  }

  /**
   * Moves the idle clock, now. Typically not needed: each request with the token does. A session that is not stored
   * has nothing to move.
   *
   * @throws SessionError `SESSION_ENDED` when it is not stored any more, `STORE_UNAVAILABLE`
   */
  touch(callback?: SessionCallback): Promise<void> {
    return settle(this[STATE].touch(), callback);
  }

  /**
   * Gives the session a new token and ends the old one; the clocks go on. For a change of privilege.
   *
   * @returns the session under its new token, which also stands on `req.session`
   * @throws SessionError `SESSION_ENDED` when the session ended meanwhile, `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  regenerate<T extends object = Record<string, unknown>>(
    options?: RegenerateOptions<T> | SessionCallback<Session<T>>,
    callback?: SessionCallback<Session<T>>,
  ): Promise<Session<T>> {
    const [keep, done] = typeof options === 'function' ? [[], options] : [options?.keep ?? [], callback];
    return settle(this[STATE].regenerate(keep) as Promise<Session<T>>, done);
  }
}

/** The names that data can't use. Every other name is free, `userId` and `token` too. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...['id', 'isNew', 'maxAge', 'save', 'reload', 'destroy', 'touch', 'regenerate'],
  // Assigning it would change the session's prototype instead of its data.
  '__proto__',
]);

const HANDLER: ProxyHandler<TokenSession> = {
  get(target, key, receiver) {
    const state = stateOfTarget(target);
    if (key === STATE) return state;
    const value: unknown = Reflect.get(target, key, receiver);
    return typeof value === 'object' && value !== null ? state.expose(key, value) : value;
  },

  getOwnPropertyDescriptor(target, key) {
    const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
    const value: unknown = descriptor?.value;
    if (typeof value !== 'object' || value === null) return descriptor;
    return { ...descriptor, value: stateOfTarget(target).expose(key, value) };
  },

  preventExtensions(target) {
    stateOfTarget(target).exposeAll();
    return Reflect.preventExtensions(target);
  },

  set(target, key, value) {
    checkEntry(key, value);
    stateOfTarget(target).change(key, value);
    return isAssigned(target as TokenSession & Record<string, unknown>, key, value);
  },

  defineProperty(target, key, descriptor) {
    checkEntry(key, descriptor.value);
    if (descriptor.get !== undefined || descriptor.set !== undefined) {
      throw new SessionDataError('DATA_NOT_STORABLE', `The session can't store a getter at "${key}": store its value.`);
    }
    if (descriptor.enumerable !== true && !Object.hasOwn(target, key)) {
      throw new SessionDataError(
        'DATA_NOT_STORABLE',
        `"${key}" would not be stored: make it enumerable, or assign it.`,
      );
    }
    // A value that can't be replaced any more has to be one that may be given out.
    const present: unknown = Reflect.getOwnPropertyDescriptor(target, key)?.value;
    if (typeof present === 'object' && present !== null) stateOfTarget(target).expose(key, present);
    // Object.freeze defines every property anew without a value, which changes no data.
    if ('value' in descriptor) stateOfTarget(target).change(key, descriptor.value);
    return Reflect.defineProperty(target, key, descriptor);
  },

  deleteProperty(target, key) {
    if (Object.hasOwn(target, key)) stateOfTarget(target).change(key as string);
    return Reflect.deleteProperty(target, key);
  },
};

/** As Reflect.set, which takes 2 µs a request more: V8 has no fast way for it. */
function isAssigned(target: Record<string, unknown>, key: string, value: unknown): boolean {
  try {
    target[key] = value;
    return true;
  } catch {
    // It is read-only, or the session was frozen.
    return false;
  }
}

/** Refuses a name of the session itself as the name of data. */
export function checkName(key: string): void {
  if (!RESERVED_NAMES.has(key)) return;
  throw new SessionUsageError(
    'RESERVED_NAME',
    `"${key}" is a name of the session itself and can't hold data: use another key. ` +
      `Reserved are ${[...RESERVED_NAMES].join(', ')}.`,
  );
}

function checkEntry(key: string | symbol, value: unknown): asserts key is string {
  if (typeof key === 'symbol') {
    throw new SessionDataError('DATA_NOT_STORABLE', `The session can't store ${String(key)}: use a string as the key.`);
  }
  checkName(key);
  if (key === 'then' && typeof value === 'function') {
    throw new SessionDataError('DATA_NOT_STORABLE', 'The session can\'t store a function at "then": store data only.');
  }
}

/** The session's state, also of a session that another copy of this package made. */
export function stateOf(session: object): SessionState {
  const state = (session as Partial<TokenSession> | null | undefined)?.[STATE];
  if (state === undefined) {
    throw new SessionUsageError(
      'NOT_A_SESSION',
      'This is no session: pass what @Session() or req.session gives, not a copy of its data.',
    );
  }
  return state;
}

/** The same outcome by promise and by callback. Nobody has to listen to the promise. */
function settle<T>(outcome: Promise<T>, callback: SessionCallback<T> | undefined): Promise<T> {
  if (callback === undefined) return attended(() => outcome);
  const told = outcome.then(
    (value) => {
      afterwards(callback, null, value);
      return value;
    },
    (error: unknown) => {
      afterwards(callback, error);
      throw error;
    },
  );
  return attended(() => told);
}

/** A promise that nobody has to await: its failure shows at the commit, and must not end the process. */
export function attended<T>(start: () => Promise<T>): Promise<T> {
  const outcome = start();
  outcome.catch(() => undefined);
  return outcome;
}

/** Outside the promise, so that what a callback throws is its own uncaught error, as in Node. */
function afterwards<T>(callback: SessionCallback<T>, error: unknown, value?: T): void {
  process.nextTick(callback, error, value);
}
