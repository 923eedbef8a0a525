import { hasMethods } from '../session.checks.js';
import { SessionConfigError } from '../session.errors.js';
import type { AtomicSessionStore, SessionStore } from './session-store.js';
import { SimpleStoreAdapter } from './simple-store.adapter.js';

/** The store in the strong contract: as it is, or a simple one through the adapter. */
export function atomicStoreOf(store: unknown, storeTimeout: number): AtomicSessionStore {
  if (hasMethods(store, ['get', 'set', 'expire'])) {
    throw new SessionConfigError(
      'INVALID_STORE',
      "Session option store: got a client of Redis; wrap it: new RedisStore({ client }) from 'nestjs-token-session/redis'.",
    );
  }
  if (isCache(store)) {
    throw new SessionConfigError(
      'INVALID_STORE',
      "Session option store: got a cache (Keyv); wrap it: keyvStore(keyv) from 'nestjs-token-session/keyv'.",
    );
  }
  if (isAtomic(store)) return store;
  if (isSimple(store)) return new SimpleStoreAdapter(store, storeTimeout);
  throw new SessionConfigError(
    'INVALID_STORE',
    `Session option store: takes an object with get, set and destroy, or with load, create, update, touch and destroy; got ${describe(store)}.`,
  );
}

/** Whether this can be a store, by its methods: that is how `forRoot` tells a store from options. */
export function isStore(value: unknown): value is SessionStore | AtomicSessionStore {
  // A client of Redis and a Keyv are refused by their names where a store is made of it.
  return isSimple(value) || isAtomic(value) || hasMethods(value, ['get', 'set', 'expire']) || isCache(value);
}

/** A Keyv, or a cache of cache-manager, which has Keyvs. */
function isCache(value: unknown): boolean {
  return hasMethods(value, ['get', 'set', 'delete', 'on']) || hasMethods(value, ['get', 'set', 'del', 'wrap']);
}

function isAtomic(value: unknown): value is AtomicSessionStore {
  return hasMethods(value, ['load', 'create', 'update', 'touch', 'destroy']);
}

function isSimple(value: unknown): value is SessionStore {
  return hasMethods(value, ['get', 'set', 'destroy']);
}

function describe(store: unknown): string {
  if (typeof store === 'function')
    return `the class ${store.name} (give it to SessionModule.forRoot, or an instance of it)`;
  if (typeof store !== 'object' || store === null) return String(store);
  const methods: string[] = [];
  for (let level: unknown = store; level !== null && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level as object))) {
      if (typeof value === 'function' && name !== 'constructor') methods.push(name);
    }
  }
  return methods.length === 0 ? 'an object without methods' : `an object with ${methods.join(', ')}`;
}
