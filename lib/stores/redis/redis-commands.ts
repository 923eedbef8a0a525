import type { ChannelListener, InvalidationChannel } from './invalidations.js';

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
  state(): 'ready' | 'idle' | 'connecting' | 'closed';
  /** Calls back when a connection was made, or made again; some clients never tell. */
  readonly onReady: (listener: () => void) => void;
  /** What the driver itself puts before all keys. */
  readonly keyPrefix: string;
  /** Names the masters of a Cluster, as far as the driver knows them now; undefined elsewhere. */
  readonly topology: () => string | undefined;
  /**
   * Opens a channel to each server for its changes of keys with this prefix; resolves when all of them are open.
   * Undefined where the client has no way to it.
   */
  track:
    | ((prefix: string, listener: ChannelListener, opening: (channel: InvalidationChannel) => void) => Promise<unknown>)
    | undefined;
}

/** One server, for what concerns all its keys. */
export interface RedisNode {
  /** A page of keys and where the next one begins; `'0'` at the end. */
  scan(cursor: string, pattern: string, count: number): Promise<{ cursor: string; keys: string[] }>;
  info(section: string): Promise<unknown>;
}

/** The message of whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether the server refused the command, which was not carried out then. Its messages begin with a code. */
export function isRefusal(error: unknown): boolean {
  return /^[A-Z][A-Z0-9]+ /.test(errorText(error));
}

/** Text that a pattern of Redis matches as it is. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&');
}

/** Text that a driver may give as bytes. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString() : '';
}
