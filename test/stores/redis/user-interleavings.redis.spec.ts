import { RedisStore } from 'nestjs-token-session/redis';
import { CLIENTS, closeClients, CLUSTER_CLIENTS } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { onRedis } from '../../support/redis/user-ground.js';
import type { LayOut } from '../../support/user-grounds.js';
import { playAll } from '../../support/user-plays.js';
import type { Act } from '../../support/user-world.js';

/**
 * As `user-interleavings.spec.ts`, with the steps carried out by real servers: fewer of them, those in
 * which a login, a rotation, a logout and a sign-out everywhere meet.
 */

afterAll(async () => {
  await closeClients();
  await stopServers();
});

const DRIVER = ({ name }: { name: string }): boolean => name === 'ioredis 6';

type Row = [string, readonly Act[]];

const rows = (...pairs: (readonly Act[])[]): Row[] => pairs.map((acts) => [acts.join(' | '), acts]);

const MEETINGS = rows(
  ['login', 'end all'],
  ['login again', 'end all'],
  ['regenerate', 'end all'],
  ['regenerate', 'log out'],
  ['regenerate', 'regenerate'],
  ['login', 'log out'],
  ['log out', 'end all'],
  ['end all', 'end all'],
);

async function orders(layOut: LayOut, acts: readonly Act[], max?: 'evict' | 'reject'): Promise<void> {
  const limits = max === undefined ? {} : { max: 1, onMax: max, withOther: false };
  expect(await playAll(layOut, { acts, ...limits })).toBeGreaterThan(1);
}

describe('laws 6 and 7, ASVS 7.4.3, R60, R61: users in every order of the steps, on one Redis', () => {
  let layOut: LayOut;

  beforeAll(async () => {
    const server = await RedisServer.start();
    const connected = await CLIENTS.find(DRIVER)?.connect(server.url);
    if (connected !== undefined) layOut = onRedis(new RedisStore({ client: connected.client }));
  });

  it.each(MEETINGS)('%s', (_title, acts) => orders(layOut, acts));

  it.each(rows(['login', 'login'], ['login', 'regenerate'], ['login', 'end all']))(
    'ASVS 7.1.2: maxPerUser 1, reject: %s',
    (_title, acts) => orders(layOut, acts, 'reject'),
  );

  it.each(rows(['login', 'log out'], ['login', 'end others']))('ASVS 7.1.2: maxPerUser 1, evict: %s', (_title, acts) =>
    orders(layOut, acts, 'evict'),
  );
});

describe('the same on a Cluster, the index on another node than the records', () => {
  let layOut: LayOut;

  beforeAll(async () => {
    const cluster = await ClusterSetup.start();
    const connected = await CLUSTER_CLIENTS.find(DRIVER)?.connect(cluster.rootNodes());
    if (connected === undefined) return;
    const { client } = connected;
    // What stands in braces decides about the slot, of the keys of all users and of all records.
    const prefixes = Array.from({ length: 20 }, (_, number) => `index:{${String(number)}}:`);
    const records = 'records:{records}:';
    const node = await cluster.nodeOf(`${records}id`);
    const nodes = await Promise.all(prefixes.map((prefix) => cluster.nodeOf(`${prefix}by-user:ada%201`)));
    const prefix = prefixes[nodes.findIndex((other) => other !== node)] as string;
    const [one, other] = await Promise.all(
      [`${records}id`, `${prefix}by-user:ada%201`].map((key) => cluster.nodeOf(key)),
    );
    expect(one?.port).not.toBe(other?.port);
    layOut = onRedis(new RedisStore({ client, prefix: records }), new RedisStore({ client, prefix }));
  });

  it.each(MEETINGS)('%s', (_title, acts) => orders(layOut, acts));
});
