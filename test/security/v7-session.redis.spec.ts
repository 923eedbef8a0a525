import { RedisStore as ConnectRedis } from 'connect-redis';
import { createClient } from 'redis';
import { expressStore } from 'nestjs-token-session/express-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { CLIENTS, CLUSTER_CLIENTS, closeClients } from '../support/redis/clients.js';
import { ClusterSetup } from '../support/redis/cluster.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { describeSessionItems } from './support/session-items.js';

const clientOf = <Kind extends { name: string }>(kinds: readonly Kind[], name: string): Kind =>
  kinds.find((kind) => kind.name === name) as Kind;

let server: RedisServer;
let cluster: ClusterSetup;
let client: ReturnType<typeof createClient>;
let places = 0;

beforeAll(async () => {
  [server, cluster] = await Promise.all([RedisServer.start(), ClusterSetup.start()]);
  client = createClient({ url: server.url });
  client.on('error', () => undefined);
  await client.connect();
});
afterEach(closeClients);
afterAll(async () => {
  client.destroy();
  await stopServers();
});

/** Each process has a driver of its own. */
const DRIVERS = ['node-redis 6', 'ioredis 6'] as const;

describeSessionItems([
  {
    name: 'Redis',
    open: async () => {
      const prefix = `place-${String(++places)}:`;
      const connected = await Promise.all(DRIVERS.map((name) => clientOf(CLIENTS, name).connect(server.url)));
      return () => new RedisStore({ client: (connected.shift() as (typeof connected)[number]).client, prefix });
    },
    isShared: true,
    isWhole: true,
  },
  {
    name: 'a Redis Cluster',
    open: async () => {
      const prefix = `place-${String(++places)}:`;
      const nodes = cluster.rootNodes();
      const connected = await Promise.all(DRIVERS.map((name) => clientOf(CLUSTER_CLIENTS, name).connect(nodes)));
      return () => new RedisStore({ client: (connected.shift() as (typeof connected)[number]).client, prefix });
    },
    isShared: true,
    isWhole: true,
  },
  {
    name: 'expressStore of connect-redis',
    open: () => {
      const store = expressStore(new ConnectRedis({ client, prefix: `place-${String(++places)}:` }));
      return () => store;
    },
    isShared: false,
    isWhole: false,
  },
]);
