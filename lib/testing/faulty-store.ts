import { atomicStoreOf } from '../stores/atomic-store-of.js';
import { MemoryStore } from '../stores/memory.store.js';
import type { AtomicSessionStore, SessionStore } from '../stores/session-store.js';
import { StoreFaults, type StoreOperation } from './store-faults.js';

type AnyStore = SessionStore | AtomicSessionStore;
type Operation = (...args: unknown[]) => unknown;
type Members = Record<PropertyKey, unknown>;

const OPERATIONS = new Set<string>([
  ...['load', 'create', 'update', 'touch', 'destroy', 'sweep', 'count', 'clear'],
  ...['get', 'set', 'length', 'all'],
]);
/** What a test calls; all else is the store's own. */
const CONTROLS = new Set<PropertyKey>(['calls', 'fail', 'hang', 'loseReply', 'hold', 'holdReply', 'recover']);
const USER_OPERATIONS = new Set(['add', 'settle', 'revoke', 'remove', 'list']);

/** What the store is, and {@link StoreFaults}. */
export type FaultyStore<S extends AnyStore = MemoryStore> = S & StoreFaults;

/**
 * A store that a test can break: any store of either contract, with all that it can and nothing more. Without a
 * fault each call goes straight through.
 *
 * ```ts
 * const store = new FaultyStore();
 * store.fail('update');
 * ```
 *
 * @throws SessionConfigError `INVALID_STORE`
 */
export const FaultyStore = function (store: AnyStore = new MemoryStore()): object {
  // Refuses what is no store, as the session layer would.
  atomicStoreOf(store, 1);
  const operations = operationsOf(store);
  const faults = new StoreFaults(operations);
  const users = 'users' in store && store.users !== undefined ? steered(store.users, 'users.', faults) : undefined;
  return new Proxy(store, {
    get(inner, key) {
      if (CONTROLS.has(key)) return bound(faults, key);
      if (key === 'users' && users !== undefined) return users;
      return member(inner, key, '', faults);
    },
    has: (inner, key) => CONTROLS.has(key) || key in inner,
  });
} as unknown as new <S extends AnyStore = MemoryStore>(store?: S) => FaultyStore<S>;

function operationsOf(store: AnyStore): StoreOperation[] {
  const named = (object: object, names: Iterable<string>, prefix: string): string[] =>
    [...names].filter((name) => typeof (object as Members)[name] === 'function').map((name) => prefix + name);
  const users = 'users' in store ? store.users : undefined;
  return [
    ...named(store, OPERATIONS, ''),
    ...(users === undefined ? [] : named(users, USER_OPERATIONS, 'users.')),
  ] as StoreOperation[];
}

function steered<T extends object>(object: T, prefix: string, faults: StoreFaults): T {
  return new Proxy(object, { get: (inner, key) => member(inner, key, prefix, faults) });
}

/** A member as it is; an operation by way of the faults. */
function member(inner: object, key: PropertyKey, prefix: string, faults: StoreFaults): unknown {
  // Not on the proxy: classes with private members would not know it.
  const value = (inner as Members)[key];
  if (typeof value !== 'function') return value;
  const isOperation = typeof key === 'string' && (prefix === '' ? OPERATIONS : USER_OPERATIONS).has(key);
  if (!isOperation) return bound(inner, key);
  const operation = value as Operation;
  const name = (prefix + key) as StoreOperation;
  const through = (...args: unknown[]): unknown =>
    faults.steer(
      name,
      () => outcomeOf(inner, operation, args),
      () => operation.apply(inner, args),
    );
  // The session layer tells by the number of parameters whether a store answers by callback.
  return Object.defineProperty(through, 'length', { value: operation.length });
}

/** The answer as a promise, also of a store that answers by callback. */
function outcomeOf(inner: object, operation: Operation, args: readonly unknown[]): unknown {
  const { get } = inner as { get?: unknown };
  const position = typeof get === 'function' && get.length >= 2 ? operation.length - 1 : -1;
  if (typeof args[position] !== 'function') return operation.apply(inner, [...args]);
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, value: unknown): void => {
      if (error === undefined || error === null) resolve(value);
      else reject(error instanceof Error ? error : new Error('the store gave an error', { cause: error }));
    };
    operation.apply(inner, args.slice(0, position).concat(callback));
  });
}

function bound(object: object, key: PropertyKey): unknown {
  const value = (object as Members)[key];
  return typeof value === 'function' && key !== 'constructor' ? (value as Operation).bind(object) : value;
}
