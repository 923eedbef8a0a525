import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import {
  channelsThrough,
  closeNodes,
  haveNear,
  idOf,
  isNear,
  nearBy,
  nearNode,
  type NearNode,
  type NearNodeOptions,
} from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const prefix = 'near:';
const id = idOf('a');
const BYPASSED = expect.stringMatching(
  /^The near cache is bypassed until it is told of changes again: .+\.$/,
) as unknown;
const BACK = 'The near cache is in use again.';

let server: RedisServer;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  await server.ask('FLUSHALL');
});
afterEach(async () => {
  server.resume();
  closeNodes();
  await closeClients();
  closeProxies();
});
afterAll(stopServers);

async function isBypassed({ store }: NearNode): Promise<void> {
  await until('the cache to be bypassed', () => nearBy(store, id) === undefined);
}

describe.each(CLIENTS)('faults of the near cache with $name', ({ connect }) => {
  /** A node, and a proxy through which it is told of changes; its own commands go to the server directly. */
  async function toldThrough(options: Partial<NearNodeOptions> = {}): Promise<{ node: NearNode; channel: TcpProxy }> {
    const channel = await TcpProxy.start(server);
    const connected = await connect(server.url);
    channelsThrough(connected, channel);
    const node = nearNode(connected, { prefix, ...options });
    return { node, channel };
  }

  async function plainNode(): Promise<NearNode> {
    return nearNode(await connect(server.url), { prefix });
  }

  it('F67: a channel that is lost, and refused for a while, is bypassed until it is back, and told of once', async () => {
    const { node, channel } = await toldThrough();
    const other = await plainNode();
    const record = await haveNear([node, other], id);
    const locked = await RedisServer.start({ args: ['--requirepass', 'secret'] });
    for (let loss = 1; loss <= 2; loss++) {
      channel.commands.length = 0;
      channel.target = locked;
      channel.cut();
      await isBypassed(node);
      await until('vain attempts', () => channel.commands.filter((text) => /^HELLO|^INFO/.test(text)).length > 1);
      await other.store.touch(id, { ...record, usedAt: record.usedAt + loss });
      expect(await node.store.load(id)).toEqual({ ...record, usedAt: record.usedAt + loss });
      expect(nearBy(node.store, id)).toBeUndefined();
      channel.target = server;
      await isNear(node.store, id);
      expect(node.notices.slice(loss * 2 - 2)).toEqual([BYPASSED, BACK]);
    }
    await other.store.destroy(id);
    await until('the destroy', () => nearBy(node.store, id) === undefined);
    expect([await node.store.load(id), other.notices]).toEqual([undefined, []]);
    await locked.stop();
  });

  it('F68: on a frozen channel a destroyed session is served no longer than maxStaleness, then told of and replaced', async () => {
    const { node, channel } = await toldThrough({ maxStaleness: 300, storeTimeout: 300 });
    const other = await plainNode();
    await haveNear([node, other], id);
    for (let round = 1; ; round++) {
      channel.stall();
      await other.store.destroy(id);
      const destroyedAt = performance.now();
      let lastServedAt = destroyedAt;
      await until('the end of the session', async () => {
        const now = performance.now();
        const loaded = node.store.load(id);
        if (!(loaded instanceof Promise) && loaded !== undefined) lastServedAt = now;
        return (await loaded) === undefined;
      });
      expect(lastServedAt - destroyedAt).toBeLessThan(300);
      if (round === 2) return;
      await until('a notice', () => node.notices.length > 0);
      channel.resume();
      await haveNear([node], id);
      expect(node.notices).toEqual([BYPASSED, BACK]);
    }
  });

  it('F68: a paused server, told of and back', async () => {
    const node = nearNode(await connect(server.url), { prefix, maxStaleness: 200 });
    const record = await haveNear([node], id);
    server.pause();
    await isBypassed(node);
    server.resume();
    await isNear(node.store, id);
    expect(await node.store.load(id)).toEqual(record);
  });

  it('F67, F73: a server that starts again without its data signs out, and is told of', async () => {
    const node = await plainNode();
    await haveNear([node], id);
    await server.restart();
    await until('the end of the session', async () => (await node.store.load(id)) === undefined);
    await haveNear([node], id);
    expect(node.notices).toEqual([BYPASSED, BACK]);
  });

  it('F68: a client that finds itself at another server serves nothing that the first one proves', async () => {
    const successor = await RedisServer.start();
    const route = { port: server.port };
    const main = await TcpProxy.start(server);
    const connected = await connect(main.url);
    channelsThrough(connected, route);
    const node = nearNode(connected, { prefix });
    await haveNear([node], id);
    const other = nearNode(await connect(successor.url), { prefix });
    const record = await haveNear([other], id);
    main.target = successor;
    main.cut();
    await until('the record of the successor', async () => (await node.store.load(id))?.version === record.version);
    // The first server is alive and still says that it is the master.
    await until('a notice', () => node.notices.length > 0);
    expect(nearBy(node.store, id)).toBeUndefined();
    await other.store.destroy(id);
    expect(await node.store.load(id)).toBeUndefined();
    route.port = successor.port;
    await haveNear([node], id);
    expect(node.notices).toEqual([BYPASSED, BACK]);
    closeNodes();
    await closeClients();
    await successor.stop();
  });
});
