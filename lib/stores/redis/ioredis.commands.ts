import { ioredisChannel } from './ioredis.channel.js';
import type { DuplicableClient } from './ioredis.connection.js';
import { subscribeIoRedis } from './ioredis.subscription.js';
import {
  anyOf,
  escapeGlob,
  lastErrorOf,
  listen,
  type Emitter,
  type RedisCommands,
  type RedisNode,
} from './redis-commands.js';

/** What the store calls of a client of ioredis or iovalkey. */
export interface IoRedisClient extends Emitter {
  call(command: string, args: (string | number)[]): Promise<unknown>;
  readonly status: string;
}

/** What only some of its clients have, or all of them and nobody need know. */
interface Details extends IoRedisClient {
  readonly options?: { readonly keyPrefix?: string | undefined; readonly host?: string; readonly port?: number };
  /** Of a cluster. */
  nodes?(role: 'master'): Details[];
  refreshSlotsCache?(callback: () => void): void;
}

/** Names of commands are in lower case: some versions find the keys of a command only then. */
export function ioredisCommands(client: IoRedisClient): RedisCommands {
  const details = client as Details;
  const keyPrefix = details.options?.keyPrefix ?? '';
  const nodes = (): Details[] => details.nodes?.('master') ?? [details];
  const evaluate = (command: string) => (script: string, keys: readonly string[], args: readonly string[]) =>
    client.call(command, [script, keys.length, ...keys, ...args]);
  return {
    get: (key) => client.call('get', [key]),
    setNew: async (key, value, lifetime) => (await client.call('set', [key, value, 'PX', lifetime, 'NX'])) !== null,
    evalSha: evaluate('evalsha'),
    eval: evaluate('eval'),
    unlink: (key) => client.call('unlink', [key]),
    nodes: () => Promise.resolve(nodes().map((node) => nodeOf(node, keyPrefix))),
    state: () => {
      if (client.status === 'ready') return 'ready';
      // A client that connects with its first command waits for one.
      if (client.status === 'wait') return 'idle';
      return client.status === 'end' ? 'closed' : 'connecting';
    },
    lastError: lastErrorOf(client),
    onReady: (listener) => listen(client, 'ready', listener),
    onReconnect: (listener) => listen(client, details.nodes === undefined ? 'ready' : '-node', listener),
    keyPrefix,
    topology: () =>
      details
        .nodes?.('master')
        .map(({ options }) => `${String(options?.host)}:${String(options?.port)}`)
        .sort()
        .join(),
    refresh: () =>
      new Promise((resolve) => {
        if (details.refreshSlotsCache === undefined) resolve();
        else details.refreshSlotsCache(() => resolve());
      }),
    track: async (prefix, listener, opening) => {
      const channels = nodes().map((node) =>
        ioredisChannel(node as unknown as DuplicableClient, prefix, listener, details.nodes !== undefined),
      );
      for (const { channel } of channels) opening(channel);
      await Promise.all(channels.map(({ opened }) => opened));
    },
    subscribe: async (...args) => subscribeIoRedis(anyOf(nodes()) as unknown as DuplicableClient, ...args),
  };
}

/** The driver puts its prefix before keys, but not before patterns, nor does it take it from what is found. */
function nodeOf(client: IoRedisClient, prefix: string): RedisNode {
  return {
    scan: async (cursor, pattern, count) => {
      const match = ['MATCH', escapeGlob(prefix) + pattern];
      const page = (await client.call('scan', [cursor, ...match, 'COUNT', count])) as [unknown, unknown[]];
      return { cursor: String(page[0]), keys: page[1].map((key) => String(key).slice(prefix.length)) };
    },
    info: (section) => client.call('info', [section]),
    clusterInfo: () => client.call('cluster', ['info']),
  };
}
