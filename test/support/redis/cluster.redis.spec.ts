import { CLUSTER_CLIENTS, closeClients } from './clients.js';
import { ClusterSetup } from './cluster.js';
import { stopServers, type RedisServer } from './redis-server.js';
import { follows } from './sentinel.js';
import { until } from './until.js';

let cluster: ClusterSetup;

beforeAll(async () => {
  cluster = await ClusterSetup.start();
});
afterEach(closeClients);
afterAll(stopServers);

async function anotherThan(master: RedisServer): Promise<RedisServer> {
  return (await cluster.masters()).find((node) => node !== master) as RedisServer;
}

describe('ClusterSetup', () => {
  it.each(CLUSTER_CLIENTS)('has three masters with a replica each, which $name finds', async ({ name, connect }) => {
    const { client } = await connect(cluster.rootNodes());
    const keys = Array.from({ length: 20 }, (_, i) => `${name} ${i}`);
    for (const key of keys) await client.set(key, 'a');

    const owners = await Promise.all(keys.map((key) => cluster.nodeOf(key)));
    expect(new Set(owners).size).toBe(3);
    for (const [i, key] of keys.entries()) expect(await owners[i]?.ask('GET', key)).toBe('a');
    const replicas = await Promise.all(owners.map((owner) => cluster.replicaOf(owner)));
    expect(new Set(replicas).size).toBe(3);
  });

  it('moves a slot step by step', async () => {
    const from = await cluster.nodeOf('{m}');
    const to = await anotherThan(from);
    for (const key of ['{m}1', '{m}2', '{m}3']) await from.ask('SET', key, 'a');

    const move = await cluster.slotMove('{m}', to);
    await move.begin();
    expect(await move.moveKeys(2)).toBe(2);
    const answers = await Promise.allSettled(['{m}1', '{m}2', '{m}3'].map((key) => from.ask('GET', key)));
    const asks = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => String(reason));
    expect(asks).toHaveLength(2);
    expect(asks.join()).toContain(`ASK ${move.slot} 127.0.0.1:${to.port}`);

    expect(await move.moveKeys()).toBe(1);
    await move.finish();
    expect(await cluster.nodeOf('{m}')).toBe(to);
    for (const key of ['{m}1', '{m}2', '{m}3']) expect(await to.ask('GET', key)).toBe('a');
    await expect(from.ask('GET', '{m}1')).rejects.toThrow(`MOVED ${move.slot} 127.0.0.1:${to.port}`);

    await cluster.moveSlot(move.slot, from);
    expect(await from.ask('GET', '{m}1')).toBe('a');
  });

  it('fails over to a replica, when asked to and when a master dies', async () => {
    const first = await cluster.nodeOf('a');
    await first.ask('SET', 'a', '1');

    const second = await cluster.failover(first);
    expect(await cluster.nodeOf('a')).toBe(second);
    expect(await second.ask('GET', 'a')).toBe('1');
    expect(await follows(first, second)).toBe(true);

    const third = await cluster.killMaster(second);
    expect(third).toBe(first);
    expect(await third.ask('GET', 'a')).toBe('1');
    expect(await cluster.nodeOf('a')).toBe(third);

    await second.restart();
    await until('the old master as a replica', () => follows(second, third));
  });
});
