import { hasMethods } from '../../session.checks.js';
import { SessionConfigError } from '../../session.errors.js';
import { isPromise } from '../awaitable.js';

type ExpressCallback = (error?: unknown, value?: unknown) => void;

/** What is asked of a store of express-session; every one of them has at least the first three. */
export interface ExpressStore {
  get(sid: string, callback: ExpressCallback): unknown;
  set(sid: string, session: object, callback: ExpressCallback): unknown;
  destroy(sid: string, callback: ExpressCallback): unknown;
  touch?(sid: string, session: object, callback: ExpressCallback): unknown;
  all?(callback: ExpressCallback): unknown;
  length?(callback: ExpressCallback): unknown;
  clear?(callback: ExpressCallback): unknown;
  close?(): unknown;
}

/** Where ENOENT says that a session is missing. A store that can't write for it (its folder is gone) has failed. */
const MAY_BE_MISSING: ReadonlySet<string> = new Set<keyof ExpressStore>(['get', 'touch', 'destroy']);

/**
 * One call of a store's method, as a promise. Its callback decides; a promise only where it fails, gives something,
 * or no callback is declared: one that calls back later may be `async` all the same.
 */
export function ask(store: ExpressStore, method: keyof ExpressStore, ...given: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => {
      if (MAY_BE_MISSING.has(method) && (error as NodeJS.ErrnoException).code === 'ENOENT') resolve(undefined);
      // A store may give a list of errors, or text.
      else reject(error instanceof Error ? error : new Error(typeof error === 'string' ? error : 'the store failed'));
    };
    const done: ExpressCallback = (error, value) => {
      if (error === undefined || error === null) resolve(value);
      else failed(error);
    };
    try {
      const call = Reflect.get(store, method) as (...values: unknown[]) => unknown;
      const answer = Reflect.apply(call, store, [...given, done]);
      const declaresCallback = call.length > given.length;
      if (!isPromise(answer)) return;
      answer.then(
        (value) => {
          if (value !== undefined || !declaresCallback) resolve(value);
        },
        (error: unknown) => {
          failed(error ?? 'rejected');
        },
      );
    } catch (error) {
      failed(error ?? 'thrown');
    }
  });
}

/** All sessions that a store holds by id, however it gives them: so, as a list, or as the rows of a table. */
export async function allOf(store: ExpressStore): Promise<Record<string, unknown>> {
  const all = await ask(store, 'all');
  if (typeof all !== 'object' || all === null) return {};
  return Object.fromEntries(
    (Object.entries(all) as [string, unknown][]).map(([key, row]) => entryOf(key, row, Array.isArray(all))),
  );
}

function entryOf(key: string, row: unknown, isListed: boolean): [string, unknown] {
  if (!isListed) return [key, row];
  const { id, sid, sess, cookie } = (row ?? {}) as { id?: unknown; sid?: unknown; sess?: unknown; cookie?: unknown };
  const name = [sid, id].find((given) => typeof given === 'string') ?? key;
  return [name, sess === undefined || cookie !== undefined ? row : sessionOfRow(sess)];
}

function sessionOfRow(sess: unknown): unknown {
  try {
    return typeof sess === 'string' ? JSON.parse(sess) : sess;
  } catch {
    return undefined;
  }
}

/** How notices call a store. */
export function nameOf(store: ExpressStore): string {
  const { name } = store.constructor;
  return name === '' || name === 'Object' ? 'The store' : name;
}

/** @throws SessionConfigError `INVALID_STORE` */
export function checkExpressStore(store: unknown): asserts store is ExpressStore {
  if (typeof store === 'function') {
    refuse(`the function or class ${store.name}; make a store of it first, as for express-session`);
  }
  if (hasMethods(store, ['load', 'create', 'update', 'touch', 'destroy'])) {
    refuse('a store of this package; give it to the session layer as it is');
  }
  if (hasMethods(store, ['get', 'set', 'expire'])) {
    refuse("a client of Redis; wrap it in connect-redis' RedisStore, or take RedisStore of nestjs-token-session/redis");
  }
  if (!hasMethods(store, ['get', 'set', 'destroy'])) {
    refuse(typeof store === 'object' && store !== null ? 'an object without these methods' : String(store));
  }
}

function refuse(came: string): never {
  throw new SessionConfigError(
    'INVALID_STORE',
    `expressStore: takes a store of express-session, an object with get, set and destroy; got ${came}.`,
  );
}
