import type { EventEmitter } from 'node:events';
import { MINUTE } from '../../../lib/testing/conformance/records/record-subject.js';
import { TestClock } from '../../support/clock.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { countCommands } from '../../support/redis/counting.js';
import {
  closeNodes,
  haveNear,
  idOf,
  isNear,
  nearBy,
  nearNode,
  recordAt,
  type NearNode,
  type NearNodeOptions,
} from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const prefix = 'near:';
const id = idOf('a');

let server: RedisServer;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  await server.ask('FLUSHALL');
});
afterEach(async () => {
  closeNodes();
  await closeClients();
});
afterAll(stopServers);

/** The ports of all connections of clients, without that which asks. */
async function connections(): Promise<string[]> {
  const list = String(await server.ask('CLIENT', 'LIST'));
  return list
    .trim()
    .split('\n')
    .filter((line) => !line.includes('cmd=client|list'))
    .map((line) => / addr=(\S+)/.exec(line)?.[1] ?? line)
    .sort();
}

describe.each(CLIENTS)('limits of the near cache with $name', ({ connect }) => {
  const open = async (options: Partial<NearNodeOptions> = {}): Promise<NearNode> =>
    nearNode(await connect(server.url), { prefix, ...options });

  it('H25: unknown ids are asked for each time, and displace nothing', async () => {
    const ids = Array.from({ length: 10 }, (_, i) => idOf(i));
    const node = await open({ maxBytes: 10 * 1_000 });
    const payload = 'x'.repeat(500);
    await haveNear([node], id, recordAt(Date.now(), { payload }));
    for (const known of ids) await haveNear([node], known, recordAt(Date.now(), { payload }));
    await server.ask('CONFIG', 'RESETSTAT');
    for (let i = 0; i < 2_000; i += 100) {
      const loads = Array.from({ length: 100 }, async (_, j) => node.store.load(idOf(`unknown ${(i + j) % 1_000}`)));
      expect(new Set(await Promise.all(loads))).toEqual(new Set([undefined]));
    }
    expect(await server.info('keyspace_misses')).toBe('2000');
    expect(await countCommands(server, () => ids.map((known) => nearBy(node.store, known)))).toEqual([]);
  });

  it('maxBytes: what was used longest ago goes first', async () => {
    const node = await open({ maxBytes: 50_000 });
    const ids = ['a', 'b', 'c', 'd'].map(idOf) as [string, string, string, string];
    const records = ids.map(() => recordAt(Date.now(), { payload: 'x'.repeat(20_000) }));
    for (const [i, record] of records.entries()) await node.store.create(ids[i] as string, record);
    await isNear(node.store, ids[0]);
    await isNear(node.store, ids[1]);
    nearBy(node.store, ids[0]);
    await isNear(node.store, ids[2]);
    const commands = await countCommands(server, () => {
      expect([nearBy(node.store, ids[0]), nearBy(node.store, ids[2])]).toEqual([records[0], records[2]]);
    });
    expect(commands).toEqual([]);
    expect(await countCommands(server, () => node.store.load(ids[1]))).toEqual(['GET']);
  });

  it('C50: a record that is over by the clock is not served, to the ms', async () => {
    const clock = new TestClock();
    const node = await open({ now: clock.now });
    const record = await haveNear([node], id, recordAt(clock.now(), { idleTimeout: 10 * MINUTE }));
    clock.advance(10 * MINUTE - 1);
    expect(nearBy(node.store, id)).toEqual(record);
    clock.advance(1);
    expect(await node.store.load(id)).toBeUndefined();
    const other = await haveNear([node], idOf('b'), recordAt(clock.now(), { absoluteTimeout: MINUTE }));
    clock.advance(MINUTE - 1);
    expect(nearBy(node.store, idOf('b'))).toEqual(other);
    clock.advance(1);
    expect(await node.store.load(idOf('b'))).toBeUndefined();
  });

  it('close() ends the connections that the store has opened, and only those, and leaves no listener', async () => {
    await until('no connections', async () => (await connections()).length === 0);
    const connected = await connect(server.url);
    const own = await connections();
    const emitter = connected.client as unknown as EventEmitter;
    const listeners = emitter.listenerCount('ready');
    const [node, other] = [nearNode(connected, { prefix }), nearNode(connected, { prefix: 'other:' })];
    const record = await haveNear([node], id);
    await haveNear([other], id);
    expect((await connections()).length).toBeGreaterThanOrEqual(own.length + 2);
    node.store.close();
    expect(nearBy(node.store, id)).toBeUndefined();
    expect(await node.store.load(id)).toEqual(record);
    expect(nearBy(other.store, id)).toBeDefined();
    node.store.close();
    other.store.close();
    await until('only what there was', async () => String(await connections()) === String(own));
    expect(emitter.listenerCount('ready')).toBe(listeners);
    expect(await node.store.destroy(id)).toEqual(record);
    expect([...node.notices, ...other.notices, ...connected.errors]).toEqual([]);
  });

  it('close() while the connections are being opened leaves none behind', async () => {
    await until('no connections', async () => (await connections()).length === 0);
    const connected = await connect(server.url);
    const own = await connections();
    const opened = Number(await server.info('total_connections_received'));
    for (let i = 0; i < 2; i++) nearNode(connected, { prefix }).store.close();
    nearNode(connected, { prefix });
    await until('connections', async () => Number(await server.info('total_connections_received')) > opened);
    closeNodes();
    await until('only what there was', async () => String(await connections()) === String(own));
  });
});
