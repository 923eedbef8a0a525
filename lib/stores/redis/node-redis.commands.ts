import { nodeRedisChannel } from './node-redis.channel.js';
import type { DuplicableClient } from './node-redis.connection.js';
import { subscribeNodeRedis } from './node-redis.subscription.js';
import {
  anyOf,
  asText,
  escapeGlob,
  lastErrorOf,
  listen,
  type Emitter,
  type RedisCommands,
  type RedisNode,
} from './redis-commands.js';

/** What the store calls of a client of node-redis. */
export interface NodeRedisClient extends Emitter {
  get(key: string): Promise<unknown>;
  set(
    key: string,
    value: string,
    options: { condition: 'NX'; expiration: { type: 'PX'; value: number } },
  ): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  unlink(key: string): Promise<unknown>;
  readonly isOpen: boolean;
}

/** What only some of its clients have. */
interface Details extends NodeRedisClient, Scanning {
  readonly isReady?: boolean;
  withCommandOptions?(options: { timeout: undefined }): NodeRedisClient;
  readonly options?: { readonly keyPrefix?: unknown } | undefined;
  /** Of one server. */
  duplicate?(overrides: object): unknown;
  /** Of a cluster. */
  readonly masters?: readonly { readonly id?: string; readonly address?: string }[];
  nodeClient?(node: object): NodeClient | Promise<NodeClient>;
  /** Of Sentinel. */
  getMasterNode?(): unknown;
}

type NodeClient = Scanning & DuplicableClient;

interface Scanning {
  scan(cursor: string, options: { MATCH: string; COUNT: number }): Promise<{ cursor: unknown; keys: unknown[] }>;
  info?(section: string): Promise<unknown>;
  clusterInfo?(): Promise<unknown>;
}

export function nodeRedisCommands(given: NodeRedisClient): RedisCommands {
  const details = given as Details;
  // The driver's own deadline, 5 s by default, costs more CPU than the command; the session layer has one.
  const client = details.withCommandOptions?.({ timeout: undefined }) ?? given;
  const keyPrefix = asText(details.options?.keyPrefix);
  const { masters: inCluster } = details;
  const nodeClients = async (): Promise<NodeClient[]> => {
    const { masters } = details;
    if (masters === undefined) return [details as unknown as NodeClient];
    return Promise.all(masters.map(async (master) => details.nodeClient?.(master) as Promise<NodeClient>));
  };
  const canTrack = inCluster !== undefined || ('duplicate' in given && !('getMasterNode' in given));
  return {
    get: (key) => client.get(key),
    setNew: async (key, value, lifetime) =>
      (await client.set(key, value, { condition: 'NX', expiration: { type: 'PX', value: lifetime } })) !== null,
    evalSha: (sha, keys, args) => client.evalSha(sha, { keys: [...keys], arguments: [...args] }),
    eval: (script, keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
    unlink: (key) => client.unlink(key),
    nodes: async () => (await nodeClients()).map((node) => nodeOf(node, keyPrefix)),
    state: () => {
      if (!details.isOpen) return 'closed';
      // A Cluster without masters does not know its slots yet.
      return details.isReady === false || details.masters?.length === 0 ? 'connecting' : 'ready';
    },
    lastError: lastErrorOf(given),
    onReady: (listener) => listen(given, 'ready', listener),
    onReconnect: (listener) => {
      // Only its Sentinel client sends again what was on its way; the others reject that.
      const events = 'getMasterNode' in given ? ['client-error', 'topology-change', 'ready'] : [];
      const stops = events.map((event) => listen(given, event, listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    keyPrefix,
    topology: () =>
      details.masters
        ?.map(({ id, address }) => `${String(id)} ${String(address)}`)
        .sort()
        .join(),
    refresh: () => Promise.resolve(),
    track: canTrack
      ? async (prefix, listener, opening) => {
          const channels = (await nodeClients()).map((node) =>
            nodeRedisChannel(node, prefix, listener, inCluster !== undefined),
          );
          for (const { channel } of channels) opening(channel);
          await Promise.all(channels.map(({ opened }) => opened));
        }
      : undefined,
    subscribe: canTrack ? async (...args) => subscribeNodeRedis(anyOf(await nodeClients()), ...args) : undefined,
  };
}

/** The driver puts its prefix before keys, but not before patterns, nor does it take it from what is found. */
function nodeOf(client: Scanning, keyPrefix: string): RedisNode {
  return {
    scan: async (cursor, pattern, COUNT) => {
      const page = await client.scan(cursor, { MATCH: escapeGlob(keyPrefix) + pattern, COUNT });
      return { cursor: String(page.cursor), keys: page.keys.map((key) => String(key).slice(keyPrefix.length)) };
    },
    info: async (section) => client.info?.(section),
    clusterInfo: async () => client.clusterInfo?.(),
  };
}
