import { SessionConfigError } from '../../session.errors.js';
import { toMs, type Duration } from '../../session.duration.js';
import type { RedisClient } from './redis-client.js';

/** Options of `RedisStore`. */
export interface RedisStoreOptions {
  /**
   * A client of node-redis (5 or later), ioredis (5 or later) or iovalkey: of one server, of Sentinel or
   * of a Cluster. The application opens it before it listens and closes it after it has stopped. Replies
   * have to come as text, and from masters: a replica lags behind.
   */
  client: RedisClient;
  /** What all keys begin with; not empty, so that `clear()` removes sessions only. Default `'session:'`. */
  prefix?: string;
  /**
   * Keeps sessions that are read often in this process, so that reading them costs no round trip. The server
   * tells of every change (client tracking, on connections of the store's own), here and in other processes;
   * while it can't, nothing is served from here. `true`, or an object with limits. Default `false`.
   *
   * What this process changed is seen at once. A change by another one is seen as soon as the server's message
   * arrives, and in any case within `maxStaleness`: that long a session may open after a logout elsewhere.
   *
   * Not with `createSentinel` and `createClientPool` of node-redis.
   */
  nearCache?: boolean | NearCacheOptions;
  /**
   * Whether other processes are told of sessions that end (`PUBLISH` within the command that ends one; `SUBSCRIBE`, on a
   * connection of the store's own, only while sockets or streams hang on sessions). Without it those sessions are loaded
   * more than once a second. The same in all processes. Default `true`.
   */
  endings?: boolean;
}

/** Limits of the near cache. */
export interface NearCacheOptions {
  /**
   * For how long records are served after the server last proved that it has told of all changes, which it is asked
   * for four times as often, and each second at least. From 100 ms. Default `'1s'`.
   */
  maxStaleness?: Duration;
  /** About how much memory the records may take, in bytes; those used longest ago go first. Default 32 MiB. */
  maxBytes?: number;
}

const OPTIONS = ['client', 'prefix', 'nearCache', 'endings'];
const NEAR_CACHE_OPTIONS = ['maxStaleness', 'maxBytes'];

/** Shorter than this the proofs would cost more than they give, in ms. */
const LEAST_STALENESS = 100;

export interface ResolvedRedisStoreOptions {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly endings: boolean;
  /** Undefined for no near cache. Times in ms. */
  readonly nearCache: { readonly maxStaleness: number; readonly maxBytes: number } | undefined;
}

/**
 * The only place with defaults and checks.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function resolveRedisOptions(options: RedisStoreOptions): ResolvedRedisStoreOptions {
  // Drivers have members of any name, so that only what the object itself has is an option.
  if (typeof options !== 'object' || (options as object | null) === null || !Object.hasOwn(options, 'client')) {
    refuse('takes an object with client: new RedisStore({ client })');
  }
  refuseUnknown(options, OPTIONS);
  const { client, prefix = 'session:', nearCache = false, endings = true } = options;
  if (typeof prefix !== 'string' || prefix === '' || !prefix.isWellFormed()) {
    refuse(`prefix takes text that is not empty; got ${shown(prefix)}`);
  }
  if (typeof endings !== 'boolean') refuse(`endings takes true or false; got ${shown(endings)}`);
  return { client, prefix, endings, nearCache: resolveNearCache(nearCache) };
}

function resolveNearCache(nearCache: boolean | NearCacheOptions): ResolvedRedisStoreOptions['nearCache'] {
  if (nearCache === false) return undefined;
  const options = nearCache === true ? {} : nearCache;
  if (typeof options !== 'object' || (options as object | null) === null) {
    refuse(`nearCache takes true, false or an object with limits; got ${shown(nearCache)}`);
  }
  refuseUnknown(options, NEAR_CACHE_OPTIONS, 'nearCache ');
  const { maxStaleness: staleness = '1s', maxBytes = 32 * 1024 * 1024 } = options;
  const maxStaleness = toMs(staleness);
  if (maxStaleness === undefined || maxStaleness < LEAST_STALENESS) {
    refuse(`nearCache.maxStaleness takes a duration from ${String(LEAST_STALENESS)} ms on; got ${shown(staleness)}`);
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    refuse(`nearCache.maxBytes takes a whole number of at least 1; got ${shown(maxBytes)}`);
  }
  return { maxStaleness, maxBytes };
}

function refuseUnknown(options: object, names: readonly string[], of = ''): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) refuse(`${of}has no option ${unknown}; it has ${names.join(', ')}`);
}

function refuse(what: string): never {
  throw new SessionConfigError('INVALID_OPTION', `RedisStore: ${what}.`);
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? 'an object'
    : typeof value === 'string'
      ? `'${value}'`
      : String(value);
}
