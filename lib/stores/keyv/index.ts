import { SessionConfigError } from '../../session.errors.js';
import { checkKeyv, type KeyvClient } from './keyv-client.js';
import { KeyvStore } from './keyv.store.js';

export type { KeyvClient } from './keyv-client.js';
export type { KeyvStore } from './keyv.store.js';

/** Options of `keyvStore`. */
export interface KeyvStoreOptions {
  /** What the keys of sessions begin with, after Keyv's own namespace. Not empty. Default `'session:'`. */
  prefix?: string;
}

/**
 * Sessions in a Keyv (5.5 or later), such as the one inside Nest's cache manager: `keyvStore(cache.stores[0])`. A
 * store in the simple contract, so laws 5 and 6 hold within one process; and a cache that evicts sessions signs
 * their users out. See docs/keyv.md.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function keyvStore(keyv: KeyvClient, options: KeyvStoreOptions = {}): KeyvStore {
  checkKeyv(keyv);
  const unknown = Object.keys(options).find((name) => name !== 'prefix');
  if (unknown !== undefined) refuse(`has no option ${unknown}; it has prefix`);
  const { prefix = 'session:' } = options;
  if (typeof prefix !== 'string' || prefix === '' || !prefix.isWellFormed()) {
    refuse(`prefix takes text that is not empty; got ${typeof prefix === 'string' ? `'${prefix}'` : String(prefix)}`);
  }
  if (isTakenForNamespace(keyv, prefix)) {
    refuse(
      `prefix '${prefix}' begins like the namespace of this Keyv, which would not tell sessions from other entries: ` +
        "give another prefix, 'token:' for example",
    );
  }
  return new KeyvStore(keyv, prefix);
}

/** Keyv 5 puts its namespace before a key, unless the key begins with it already. */
function isTakenForNamespace(keyv: KeyvClient, prefix: string): boolean {
  const { namespace, useKeyPrefix } = keyv as { namespace?: unknown; useKeyPrefix?: unknown };
  return useKeyPrefix === true && typeof namespace === 'string' && prefix.startsWith(`${namespace}:`);
}

function refuse(what: string): never {
  throw new SessionConfigError('INVALID_OPTION', `keyvStore: ${what}.`);
}
