import { RedisStore } from 'nestjs-token-session/redis';
import { HeardEndings, hostOf, idOf, recordOf, stopHearing } from '../../support/endings.js';
import { CLUSTER_CLIENTS, closeClients, type Connected, SENTINEL_CLIENTS } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { stopServers, type RedisServer } from '../../support/redis/redis-server.js';
import { MASTER_NAME, SentinelSetup } from '../../support/redis/sentinel.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { closeNodes, WatchingNode } from '../../support/watching.js';

const prefix = 'session:';
const stores = new Set<RedisStore>();
let sessions = 0;

failOnUnhandledRejections();
afterEach(async () => {
  await closeNodes();
  await stopHearing();
  for (const store of stores) store.close();
  stores.clear();
  await closeClients();
});
afterAll(stopServers);

function storeOf({ client }: Connected): RedisStore {
  const store = new RedisStore({ client });
  store.attach(hostOf());
  stores.add(store);
  return store;
}

/** Ends a session as soon as the servers let it: a failover may be under way, and some drivers never answer then. */
async function ends({ engine: { store } }: WatchingNode, id: string): Promise<void> {
  await until('a session that is ended', async () => {
    await store.create(id, recordOf());
    return (await store.destroy(id)) !== undefined;
  });
}

describe.each(CLUSTER_CLIENTS)('ends of sessions in a Cluster, $name', ({ name, connect }) => {
  let cluster: ClusterSetup;

  beforeAll(async () => {
    cluster = await ClusterSetup.start();
  });
  afterAll(() => cluster.stop());

  /** A session that nobody has used yet, on a master. */
  async function idOn(master: RedisServer): Promise<string> {
    for (;;) {
      const id = idOf(`session ${String(++sessions)}`);
      if ((await cluster.nodeOf(prefix + id)) === master) return id;
    }
  }

  /** The master that has the one connection that listens. */
  async function listenedTo(): Promise<RedisServer> {
    return until('a subscriber', async () => {
      for (const node of await cluster.masters()) {
        const [, count] = (await node.ask('PUBSUB', 'NUMSUB', `${prefix}ended`)) as [string, number];
        if (count > 0) return node;
      }
      return undefined;
    });
  }

  const open = async (): Promise<RedisStore> => storeOf(await connect(cluster.rootNodes()));

  async function eachIsTold(here: WatchingNode, heard: HeardEndings): Promise<void> {
    for (const master of await cluster.masters()) {
      const id = await idOn(master);
      await ends(here, id);
      await heard.has(id);
    }
  }

  it('law 6: of every master are told by the one connection there is', async () => {
    const [here, there] = [new WatchingNode(await open()), await open()];
    await eachIsTold(here, await HeardEndings.of(there));
  });

  // node-redis 5 does not find the successor of a master that died while the application has other ones.
  if (name === 'node-redis 5') return;

  it('F71: are told after the server that had the connection died', async () => {
    const [here, there] = [new WatchingNode(await open()), await open()];
    const heard = await HeardEndings.of(there);
    const master = await listenedTo();
    await cluster.killMaster(master);
    await heard.has('lost');
    await heard.has('connected', 2);
    await eachIsTold(here, heard);
    await master.restart();
    await cluster.settled();
  });
});

describe.each(SENTINEL_CLIENTS)('ends of sessions with Sentinel, $name', ({ connect }) => {
  it('law 6: are seen before and after a failover', async () => {
    const setup = await SentinelSetup.start();
    const open = async (): Promise<WatchingNode> =>
      new WatchingNode(storeOf(await connect(setup.addresses, MASTER_NAME)));
    const [here, there] = [await open(), await open()];
    const [first, second] = [await here.begin(), await here.begin()];
    const heard = [there.watch(first), there.watch(second)];
    await there.looked();
    await first.destroy();
    expect(await heard[0]?.first).toBe('ended');
    await setup.failover();
    await until('a logout', async () => {
      await here.engine.store.destroy(second.id as string);
      return true;
    });
    expect(await heard[1]?.first).toBe('ended');
    // The driver of a Sentinel that is gone goes on asking for it.
    await closeNodes();
    await closeClients();
    await setup.stop();
  });
});
