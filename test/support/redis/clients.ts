import { Redis as IoRedis6, Cluster as IoCluster6 } from 'ioredis';
import { Redis as IoRedis5, Cluster as IoCluster5 } from 'ioredis-5';
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey';
import {
  createClient as createClient6,
  createCluster as createCluster6,
  createSentinel as createSentinel6,
} from 'redis';
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis-5';
import type { RedisClient } from 'nestjs-token-session/redis';

export interface Connected {
  /** What the store takes, and what all drivers have besides. */
  client: RedisClient & { get(key: string): Promise<unknown>; set(key: string, value: string): Promise<unknown> };
  /** What the driver reported by 'error'; it never ends the process. */
  errors: unknown[];
  close(): Promise<void>;
}

export interface Address {
  host: string;
  port: number;
}

export type ClientOptions = Record<string, unknown>;

export interface ClientKind {
  name: string;
  family: 'node-redis' | 'ioredis';
  /** `options` are the driver's own. */
  connect(url: string, options?: ClientOptions): Promise<Connected>;
}

export interface ClusterClientKind extends Pick<ClientKind, 'name' | 'family'> {
  connect(rootNodes: readonly Address[], options?: ClientOptions): Promise<Connected>;
}

export interface SentinelClientKind extends Pick<ClientKind, 'name' | 'family'> {
  connect(sentinels: readonly Address[], masterName: string, options?: ClientOptions): Promise<Connected>;
}

type Client = Connected['client'];

interface NodeRedisClient {
  connect(): Promise<unknown>;
  readonly isOpen: boolean;
  destroy(): unknown;
}

interface IoRedisClient {
  connect(): Promise<unknown>;
  disconnect(): void;
}

const open = new Set<Connected>();

export const CLIENTS: readonly ClientKind[] = [
  nodeRedis('node-redis 5', (url: string, options) => createClient5({ url, ...options })),
  nodeRedis('node-redis 6', (url: string, options) => createClient6({ url, ...options })),
  ioredis('ioredis 5', (url: string, options) => new IoRedis5(url, { ...options, lazyConnect: true })),
  ioredis('ioredis 6', (url: string, options) => new IoRedis6(url, { ...options, lazyConnect: true })),
  ioredis('iovalkey', (url: string, options) => new Valkey(url, { ...options, lazyConnect: true })),
];

type Nodes = readonly Address[];

export const CLUSTER_CLIENTS: readonly ClusterClientKind[] = [
  nodeRedis('node-redis 5', (nodes: Nodes, options) => createCluster5({ rootNodes: sockets(nodes), ...options })),
  nodeRedis('node-redis 6', (nodes: Nodes, options) => createCluster6({ rootNodes: sockets(nodes), ...options })),
  ioredis('ioredis 5', (nodes: Nodes, options) => new IoCluster5([...nodes], { ...options, lazyConnect: true })),
  ioredis('ioredis 6', (nodes: Nodes, options) => new IoCluster6([...nodes], { ...options, lazyConnect: true })),
  ioredis('iovalkey', (nodes: Nodes, options) => new ValkeyCluster([...nodes], { ...options, lazyConnect: true })),
];

const sentinelsOf = (sentinels: Nodes, name: string, options: ClientOptions) => ({
  sentinels: [...sentinels],
  name,
  ...options,
  lazyConnect: true,
});

export const SENTINEL_CLIENTS: readonly SentinelClientKind[] = [
  nodeRedis('node-redis 5', (sentinelRootNodes: Nodes, name: string, options) =>
    createSentinel5({ name, sentinelRootNodes: [...sentinelRootNodes], ...options }),
  ),
  nodeRedis('node-redis 6', (sentinelRootNodes: Nodes, name: string, options) =>
    createSentinel6({ name, sentinelRootNodes: [...sentinelRootNodes], ...options }),
  ),
  ioredis('ioredis 5', (nodes: Nodes, name: string, options) => new IoRedis5(sentinelsOf(nodes, name, options))),
  ioredis('ioredis 6', (nodes: Nodes, name: string, options) => new IoRedis6(sentinelsOf(nodes, name, options))),
  ioredis('iovalkey', (nodes: Nodes, name: string, options) => new Valkey(sentinelsOf(nodes, name, options))),
];

/** Ends all connections that are still open: `afterEach(closeClients)`. */
export async function closeClients(): Promise<void> {
  await Promise.all([...open].map((connected) => connected.close()));
}

function nodeRedis<Where extends unknown[]>(
  name: string,
  create: (...where: [...Where, ClientOptions]) => Client & NodeRedisClient,
) {
  return kind('node-redis', name, create, async (client) => {
    if (client.isOpen) await client.destroy();
  });
}

function ioredis<Where extends unknown[]>(
  name: string,
  create: (...where: [...Where, ClientOptions]) => Client & IoRedisClient,
) {
  return kind('ioredis', name, create, async (client) => client.disconnect());
}

function kind<Where extends unknown[], Created extends Client & { connect(): Promise<unknown> }>(
  family: ClientKind['family'],
  name: string,
  create: (...where: [...Where, ClientOptions]) => Created,
  end: (client: Created) => Promise<void>,
) {
  const connect = async (...where: [...Where, options?: ClientOptions]): Promise<Connected> => {
    const given = where.slice(0, create.length - 1) as Where;
    const client = create(...given, where[create.length - 1] ?? {});
    const errors: unknown[] = [];
    client.on('error', (error: unknown) => errors.push(error));
    const close = async () => {
      open.delete(connected);
      await end(client);
    };
    const connected = { client, errors, close };
    open.add(connected);
    await client.connect();
    return connected;
  };
  return { name, family, connect };
}

function sockets(nodes: Nodes) {
  return nodes.map(({ host, port }) => ({ socket: { host, port } }));
}
