import { closeApps } from '../../support/app.js';
import { closeClients, CLUSTER_CLIENTS, type ClientOptions } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { expectFairAnswers, expectLostWithin, FailoverLoad, stopLoads } from '../../support/redis/failover-load.js';
import { stopServers, type RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const STORE_TIMEOUT = 1_000;

/** As docs/operations.md says: a node that is away is refused at once, and soon looked for elsewhere. */
const NODE_REDIS: ClientOptions = {
  defaults: { disableOfflineQueue: true },
  topologyRefreshOnReconnectionAttemptStrategy: 500,
};

failOnUnhandledRejections();

let cluster: ClusterSetup;

beforeEach(async () => {
  cluster = await ClusterSetup.start();
});
afterEach(async () => {
  await stopLoads();
  await closeApps();
  await closeClients();
  await stopServers();
});

/** An application for each driver, all of them at work on the same sessions. */
async function startLoad(clients = CLUSTER_CLIENTS): Promise<FailoverLoad> {
  const stores = await Promise.all(
    clients.map(async ({ name, family, connect }) => ({
      driver: name,
      connected: await connect(cluster.rootNodes(), family === 'node-redis' ? NODE_REDIS : {}),
    })),
  );
  const load = await FailoverLoad.start(stores, { storeTimeout: STORE_TIMEOUT });
  await load.well();
  return load;
}

async function otherThan(node: RedisServer): Promise<RedisServer> {
  return (await cluster.masters()).find((other) => other !== node) as RedisServer;
}

it('F71, law 5: MOVED and ASK under load are no fault of any request, and nothing is lost', async () => {
  const load = await startLoad();
  // All slots of a node are too many; these are those of the first sessions and what else is in them.
  for (const key of load.keys('session:').slice(0, 4)) {
    const from = await cluster.nodeOf(key);
    const move = await cluster.slotMove(key, await otherThan(from));
    await move.begin();
    await load.well(5);
    await move.moveKeys();
    await load.well(5);
    await move.finish();
  }
  await load.well();
  await load.stop();

  expect(load.told()).toEqual({ '200': expect.any(Number), '201': expect.any(Number) });
  expect(await load.losses()).toEqual({ additions: [], ends: [], wrong: [] });
});

it('F71, laws 5 and 6: a CLUSTER FAILOVER of every master loses nothing, and nobody waits long', async () => {
  const load = await startLoad();
  for (const master of await cluster.masters()) {
    await cluster.failover(master);
    await load.well(5);
  }
  await load.well();
  await load.stop();

  expectFairAnswers(load, STORE_TIMEOUT);
  expect(await load.losses()).toEqual({ additions: [], ends: [], wrong: [] });
});

it('F71, laws 5, 6 and 9: a killed master is 503 until its replica takes over; then all go on by themselves', async () => {
  // The cluster client of node-redis 5 goes on looking for a dead master where it was: docs/operations.md names 6.
  const load = await startLoad(CLUSTER_CLIENTS.filter(({ name }) => name !== 'node-redis 5'));
  const first = await cluster.nodeOf(load.keys('session:')[0] as string);
  const killedAt = performance.now();
  await cluster.killMaster(first);
  const tookOverAt = performance.now();
  await load.well();
  expect(performance.now() - tookOverAt).toBeLessThan(10_000);
  await first.restart();
  await until('the old master as a replica', async () => (await first.info('master_link_status')) === 'up');
  await load.well();
  await load.stop();

  expectFairAnswers(load, STORE_TIMEOUT);
  const losses = await load.losses();
  expect(losses.wrong).toEqual([]);
  // What the replica did not have yet: nothing but the last of it.
  expectLostWithin(losses, killedAt - 500, tookOverAt);
});
