import { hasMethods } from '../../session.checks.js';
import { SessionConfigError } from '../../session.errors.js';

type Listener = (error: unknown) => void;

/** What emits the errors that were swallowed: a Keyv, and most of its adapters. */
export interface ErrorEmitter {
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** A Keyv, 5.5 or later, or 6: what the store calls of it. The application opens and closes it. */
export interface KeyvClient extends ErrorEmitter {
  /** Where values are kept. */
  readonly store: unknown;
  getRaw(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  listeners(event: string): readonly unknown[];
}

/** One whose entries can be gone through. */
export interface IterableKeyv extends KeyvClient {
  iterator(argument?: unknown): AsyncIterable<readonly unknown[]>;
}

/** @throws SessionConfigError `INVALID_OPTION` when it is no Keyv */
export function checkKeyv(keyv: unknown): asserts keyv is KeyvClient {
  const isKeyv = hasMethods(keyv, ['getRaw', 'set', 'delete', 'on', 'off', 'listeners']) && 'store' in keyv;
  if (isKeyv) return;
  throw new SessionConfigError('INVALID_OPTION', `keyvStore: takes a Keyv (5.5 or later); got ${described(keyv)}.`);
}

function described(value: unknown): string {
  if (hasMethods(value, ['get', 'set', 'del', 'wrap'])) return describedCache(value);
  if (hasMethods(value, ['then'])) return 'a promise (await it first)';
  if (typeof value === 'string') return 'text (make a Keyv from that address)';
  if (typeof value === 'function') return `${value.name === '' ? 'a function' : value.name} (give an instance of Keyv)`;
  if (Array.isArray(value)) return 'a list (give the one Keyv that all processes share)';
  if (hasMethods(value, ['get', 'set', 'delete', 'serializeData'])) return 'an older Keyv';
  if (hasMethods(value, ['get', 'set', 'delete'])) return 'a map, or an adapter of Keyv: new Keyv({ store }) makes one';
  return typeof value === 'object' && value !== null ? 'an object of another kind' : String(value);
}

function describedCache({ stores }: { stores?: unknown }): string {
  const cache = 'a cache of cache-manager (CACHE_MANAGER)';
  return Array.isArray(stores) && stores.length > 1
    ? `${cache} with ${String(stores.length)} stores: give the one that all processes share, cache.stores[1] for example`
    : `${cache}: give the Keyv inside it, cache.stores[0]`;
}

/** Whether all entries can be gone through. */
export function canIterate(keyv: KeyvClient): keyv is IterableKeyv {
  if (!hasMethods(keyv, ['iterator'])) return false;
  // Keyv 6 may change keys on their way in; what it gives back would not be recognised.
  const { sanitize } = keyv as { sanitize?: { enabled?: boolean } };
  if (sanitize?.enabled === true) return false;
  // Keyv 6 has an iterator in any case; it gives nothing where the adapter has none.
  const { capabilities, store } = (keyv.store ?? {}) as {
    capabilities?: { methods?: { iterator?: { exists?: boolean } } };
    store?: unknown;
  };
  return capabilities?.methods?.iterator?.exists !== false || hasMethods(store, ['entries']);
}
