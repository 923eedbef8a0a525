import { CLUSTER_CLIENTS, closeClients } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { countCommands } from '../../support/redis/counting.js';
import { closeNodes, haveNear, idOf, isNear, nearBy, nearNode, type NearNode } from '../../support/redis/near-node.js';
import { stopServers, type RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const prefix = 'near:';
const MAX_STALENESS = 500;

let cluster: ClusterSetup;
let sessions = 0;

failOnUnhandledRejections();
beforeAll(async () => {
  cluster = await ClusterSetup.start();
});
afterEach(async () => {
  closeNodes();
  await closeClients();
});
afterAll(stopServers);

/** A session that nobody has used yet, on a master. */
async function idOn(master: RedisServer): Promise<string> {
  for (;;) {
    const id = idOf(`session ${++sessions}`);
    if ((await cluster.nodeOf(prefix + id)) === master) return id;
  }
}

async function anotherThan(master: RedisServer): Promise<RedisServer> {
  return (await cluster.masters()).find((node) => node !== master) as RedisServer;
}

/** Ends a session on one node; on the other one it is served no longer than it may be. */
async function endsInTime(here: NearNode, there: NearNode, id: string): Promise<void> {
  await until('the end of the session there', async () => {
    await there.store.destroy(id);
    return (await there.store.load(id)) === undefined;
  });
  const endedAt = performance.now();
  let lastServedAt = endedAt;
  await until('the end of the session here', async () => {
    const now = performance.now();
    if (nearBy(here.store, id) !== undefined) lastServedAt = now;
    return (await here.store.load(id)) === undefined;
  });
  expect(lastServedAt - endedAt).toBeLessThan(MAX_STALENESS);
}

describe.each(CLUSTER_CLIENTS)('the near cache in a Cluster, $name', ({ name, connect }) => {
  async function open(maxStaleness: number | string = MAX_STALENESS): Promise<NearNode> {
    return nearNode(await connect(cluster.rootNodes()), { prefix, maxStaleness });
  }

  it('law 6: records of all masters are near at hand, and dropped by the message of theirs', async () => {
    const [here, there] = [await open('10m'), await open('10m')];
    const masters = await cluster.masters();
    expect(masters).toHaveLength(3);
    const ids = await Promise.all(masters.map(idOn));
    for (const id of ids) await haveNear([there, here], id);
    expect(await countCommands(masters, () => ids.map((id) => nearBy(here.store, id)))).toEqual([]);
    for (const [i, id] of ids.entries()) {
      if (i === 2) await masters[i]?.ask('FLUSHALL');
      else await there.store.destroy(id);
      await until('the message', async () => (await here.store.load(id)) === undefined);
      for (const other of ids.slice(i + 1)) expect(nearBy(here.store, other)).toBeDefined();
    }
    expect(here.notices).toEqual([]);
  });

  it('F71: a slot on its way to another master', async () => {
    const [here, there] = [await open(), await open()];
    const from = (await cluster.masters())[0] as RedisServer;
    const to = await anotherThan(from);
    const [id, second] = [await idOn(from), await idOn(from)];
    await haveNear([there, here], id);
    const move = await cluster.slotMove(prefix + id, to);
    await move.begin();
    await isNear(here.store, id);
    await move.moveKeys();
    await isNear(here.store, id);
    await endsInTime(here, there, id);
    await move.finish();
    await haveNear([there, here], id);
    await endsInTime(here, there, id);
    await cluster.moveSlot(move.slot, from);
    await haveNear([there, here], second);
    await endsInTime(here, there, second);
  });

  it('F71: a replica that takes over from its master, which lives', async () => {
    const [here, there] = [await open(), await open()];
    const master = (await cluster.masters())[1] as RedisServer;
    const [id, second] = [await idOn(master), await idOn(master)];
    await haveNear([there, here], id);
    await haveNear([there, here], second);
    await cluster.failover(master);
    await endsInTime(here, there, id);
    await isNear(here.store, second);
    await endsInTime(here, there, second);
  });

  // node-redis 5 does not find the successor of a master that died while the application has other ones.
  if (name === 'node-redis 5') return;

  it('F71: a replica that takes over from its master, which died', async () => {
    const [here, there] = [await open(), await open()];
    const master = (await cluster.masters())[2] as RedisServer;
    const [id, second] = [await idOn(master), await idOn(master)];
    await haveNear([there, here], id);
    await haveNear([there, here], second);
    await cluster.killMaster(master);
    await endsInTime(here, there, id);
    await isNear(here.store, second);
    await endsInTime(here, there, second);
    await master.restart();
    await cluster.settled();
  });
});
