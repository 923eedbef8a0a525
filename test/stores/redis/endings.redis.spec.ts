import { RedisStore, type RedisStoreOptions } from 'nestjs-token-session/redis';
import { hostOf, HeardEndings, idOf, recordOf, stopHearing } from '../../support/endings.js';
import { CLIENTS, closeClients, type ClientOptions, type Connected } from '../../support/redis/clients.js';
import { channelsThrough, isNear } from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { closeNodes, WatchingNode } from '../../support/watching.js';

let server: RedisServer;
const stores = new Set<RedisStore>();

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await closeNodes();
  await stopHearing();
  for (const store of stores) store.close();
  stores.clear();
  closeProxies();
  await closeClients();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

/** How many connections listen on a channel. */
async function subscribers(channel = 'session:ended'): Promise<number> {
  return Number(((await server.ask('PUBSUB', 'NUMSUB', channel)) as unknown[])[1]);
}

describe.each(CLIENTS)('ends of sessions by $name', (kind) => {
  const connect = (url = server.url, options?: ClientOptions): Promise<Connected> => kind.connect(url, options);

  function storeOf({ client }: Connected, options: Partial<RedisStoreOptions> = {}, host = hostOf()): RedisStore {
    const store = new RedisStore({ client, ...options });
    store.attach(host);
    stores.add(store);
    return store;
  }

  it('law 6: are told to another process, with a version or without, and what ends nothing is not', async () => {
    const [here, there] = [storeOf(await connect()), storeOf(await connect())];
    const heard = await HeardEndings.of(there);
    for (const name of ['a', 'b', 'c']) await here.create(idOf(name), recordOf());
    await here.update(idOf('c'), recordOf('v2'), 'v1');
    await here.touch(idOf('c'), recordOf());
    await here.destroy(idOf('c'), 'v1');
    await here.destroy(idOf('unknown'));
    await here.destroy(idOf('a'));
    await here.destroy(idOf('b'), 'v1');
    await here.update(idOf('c'), recordOf('v3'), 'v1', true);
    await here.update(idOf('c'), recordOf('v3'), 'v2', true);
    await heard.has(idOf('c'));
    expect(heard.told).toEqual(['connected', idOf('a'), idOf('b'), idOf('c')]);
  });

  it('ASVS 7.4.5: clear() makes all be looked at', async () => {
    const [here, there] = [storeOf(await connect()), storeOf(await connect())];
    const heard = await HeardEndings.of(there);
    await here.clear();
    await heard.has('connected', 2);
  });

  it('stay with the sessions of a prefix, also where the driver has a part of it', async () => {
    const [here, beside, there] = [
      storeOf(await connect(), { prefix: 'shop:a:' }),
      storeOf(await connect(), { prefix: 'shop:b:' }),
      storeOf(await connect(server.url, { keyPrefix: 'shop:' }), { prefix: 'a:' }),
    ];
    const heard = await HeardEndings.of(there);
    for (const store of [here, beside]) await store.create(idOf('a'), recordOf());
    await here.create(idOf('b'), recordOf());
    await beside.destroy(idOf('a'));
    await here.destroy(idOf('b'));
    await here.destroy(idOf('a'));
    await heard.has(idOf('a'));
    // Without prefixes of its own the driver's is left out.
    expect(heard.told.slice(0, 2)).toEqual(['connected', idOf('b')]);
  });

  it('need a connection only while somebody listens', async () => {
    const store = storeOf(await connect());
    expect(await subscribers()).toBe(0);
    const [first, second] = [await HeardEndings.of(store), await HeardEndings.of(store)];
    expect(await subscribers()).toBe(2);
    await first.stop();
    await second.stop();
    await until('no subscriber', async () => (await subscribers()) === 0);
    // Stopped while it is being made, too.
    const stopped = HeardEndings.begin(store);
    await stopped.stop();
    const listening = await HeardEndings.of(store);
    await until('one subscriber', async () => (await subscribers()) === 1);
    expect(stopped.told).toEqual([]);
    await listening.stop();
  });

  it('F67: are looked for when a connection that was cut is back', async () => {
    const proxy = await TcpProxy.start(server);
    const [here, there] = [storeOf(await connect()), storeOf(await connect(proxy.url))];
    const heard = await HeardEndings.of(there);
    await here.create(idOf('a'), recordOf());
    await here.create(idOf('b'), recordOf());
    proxy.refuse();
    proxy.cut();
    await heard.has('lost');
    await here.destroy(idOf('a'));
    await proxy.accept();
    // Once its client is back the store takes a new connection again, whether or not it has one by then.
    await until('the client is back', async () => {
      await there.load(idOf('a'));
      return true;
    });
    await until('it hears', async () => heard.told.at(-1) === 'connected');
    await here.destroy(idOf('b'));
    await heard.has(idOf('b'));
    expect(heard.told.slice(0, 2)).toEqual(['connected', 'lost']);
    expect(heard.told.slice(-2)).toEqual(['connected', idOf('b')]);
    expect(heard.told).not.toContain(idOf('a'));
  });

  it('F68: a connection that froze without a sign is replaced', async () => {
    const proxy = await TcpProxy.start(server);
    const there = storeOf(await connect(proxy.url), {}, hostOf(300));
    const heard = await HeardEndings.of(there);
    proxy.stall();
    await heard.has('lost');
    proxy.resume();
    await heard.has('connected', 2);
  });

  it('law 6: end what is watched in another process, though the near cache still has it', async () => {
    const proxy = await TcpProxy.start(server);
    const connected = await connect();
    const where = { port: proxy.port };
    channelsThrough(connected, where);
    const near = storeOf(connected, { nearCache: { maxStaleness: '1h' } });
    const [here, there] = [new WatchingNode(storeOf(await connect())), new WatchingNode(near)];
    for (const end of ['destroy', 'regenerate'] as const) {
      const session = await here.begin();
      await isNear(near, session.id as string);
      // Only the near cache goes by the proxy, and hears nothing from now on.
      where.port = server.port;
      proxy.stall();
      const heard = there.watch(session);
      await (await HeardEndings.of(near)).stop();
      await there.looked();
      await isNear(near, session.id as string);
      await (end === 'destroy' ? session.destroy() : session.regenerate([]));
      expect(await heard.first).toBe(end === 'destroy' ? 'ended' : 'renewed');
      proxy.resume();
    }
  });

  it('end what is watched, in processes of which none is told', async () => {
    const nodes = [storeOf(await connect(), { endings: false }), storeOf(await connect(), { endings: false })].map(
      (store) => new WatchingNode(store),
    );
    const [here, there] = nodes as [WatchingNode, WatchingNode];
    const session = await here.begin();
    const heard = there.watch(session);
    await there.looked();
    await session.destroy();
    expect(await heard.first).toBe('ended');
    expect(await subscribers()).toBe(0);
  });

  it('are refused as an option that is neither true nor false', async () => {
    const { client } = await connect();
    expect(() => new RedisStore({ client, endings: 'yes' as never })).toThrow(/endings takes true or false; got 'yes'/);
  });

  it('F67: end what was watched and ended while the server was away for the one who watches', async () => {
    const proxy = await TcpProxy.start(server);
    const [here, there] = [
      new WatchingNode(storeOf(await connect())),
      new WatchingNode(storeOf(await connect(proxy.url))),
    ];
    const [ended, renewed, living] = [await here.begin(), await here.begin(), await here.begin()];
    const heard = [ended, renewed, living].map((session) => there.watch(session));
    await there.looked();
    proxy.refuse();
    proxy.cut();
    await ended.destroy();
    await renewed.regenerate([]);
    await proxy.accept();
    expect(await Promise.all(heard.slice(0, 2).map(({ first }) => first))).toEqual(['ended', 'renewed']);
    await living.destroy();
    expect(await heard[2]?.first).toBe('ended');
  });
});
