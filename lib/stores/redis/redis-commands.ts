import { randomInt } from 'node:crypto';
import { errorText } from '../../error-text.js';
import type { ChannelListener, InvalidationChannel } from './invalidations.js';
import { redisErrorText } from './redis-errors.js';
import type { Subscribe } from './subscription.js';

/** The commands of the store, whichever driver sends them. */
export interface RedisCommands {
  get(key: string): Promise<unknown>;
  /** `SET key value PX lifetime NX`; whether it was set. */
  setNew(key: string, value: string, lifetime: number): Promise<boolean>;
  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  unlink(key: string): Promise<unknown>;
  /** One for each server that holds keys. */
  readonly nodes: () => Promise<readonly RedisNode[]>;
  /**
   * Whether commands can be sent now: what is not sent must not wait in a driver's queue. An idle client connects
   * with its first command.
   */
  readonly state: () => 'ready' | 'idle' | 'connecting' | 'closed';
  /** What the driver said last of its connection. */
  readonly lastError: () => string | undefined;
  /** Calls back when a connection was made, or made again; some clients never tell. Gives what ends that. */
  readonly onReady: (listener: () => void) => () => void;
  /** Calls back when a connection was lost or made again, where the driver sends again what was on its way. */
  readonly onReconnect: (listener: () => void) => () => void;
  /** What the driver itself puts before all keys. */
  readonly keyPrefix: string;
  /** Names the masters of a Cluster, as far as the driver knows them now; undefined elsewhere. */
  readonly topology: () => string | undefined;
  /** Makes the driver look anew for the masters of a Cluster, where it can. */
  readonly refresh: () => Promise<void>;
  /**
   * Opens a channel to each server for its changes of keys with this prefix; resolves when all of them are open.
   * Undefined where the client has no way to it.
   */
  track:
    | ((prefix: string, listener: ChannelListener, opening: (channel: InvalidationChannel) => void) => Promise<unknown>)
    | undefined;
  /** Undefined where the client has no way to a connection of its own. */
  subscribe: Subscribe | undefined;
}

/** One server, for what concerns all its keys. */
export interface RedisNode {
  /** A page of keys and where the next one begins; `'0'` at the end. */
  scan(cursor: string, pattern: string, count: number): Promise<{ cursor: string; keys: string[] }>;
  info(section: string): Promise<unknown>;
  /** The answer to `CLUSTER INFO`. */
  clusterInfo(): Promise<unknown>;
}

/**
 * Whether a command was certainly not carried out: refused by the server, whose messages begin with a code, or never
 * sent by the driver.
 */
export function isRefusal(error: unknown): boolean {
  return /^[A-Z][A-Z0-9]+ |^The client is (?:offline|closed)|enableOfflineQueue options is false/.test(
    errorText(error),
  );
}

/** Listens until what it gives is called. */
export function listen(client: Emitter, event: string, listener: () => void): () => void {
  client.on(event, listener);
  return () => {
    client.removeListener(event, listener);
  };
}

/**
 * Keeps what a client says of its connection; that also keeps node-redis from ending the process, and ioredis from
 * printing each attempt, where the application does not listen.
 */
export function lastErrorOf(client: Emitter): () => string | undefined {
  let last: string | undefined;
  client.on('error', (error) => {
    last = redisErrorText(error) || (error as { code?: string }).code;
  });
  return () => last;
}

/** What all clients are. */
export interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Text that a pattern of Redis matches as it is. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&');
}

/** One of several, any of them. */
export function anyOf<T>(servers: readonly T[]): T {
  const server = servers[randomInt(Math.max(1, servers.length))];
  if (server === undefined) throw new Error('no server is known yet');
  return server;
}

/** Text that a driver may give as bytes. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString() : '';
}
