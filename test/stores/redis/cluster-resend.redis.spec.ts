import { closeApps } from '../../support/app.js';
import { closeClients, CLUSTER_CLIENTS } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { RedisApp, UNKNOWN } from '../../support/redis/redis-app.js';
import { stopServers, type RedisServer } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

/** They send a command again when the connection to its node was lost; node-redis rejects it. */
const RESENDING = CLUSTER_CLIENTS.filter(({ family }) => family === 'ioredis');

const isScript = (text: string): boolean => /^EVAL(SHA)? /.test(text);

let cluster: ClusterSetup;
let masters: RedisServer[];
let proxies: TcpProxy[];

failOnUnhandledRejections();
beforeAll(async () => {
  cluster = await ClusterSetup.start();
  masters = await cluster.masters();
});
beforeEach(async () => {
  proxies = await Promise.all(masters.map((master) => TcpProxy.start(master)));
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  closeProxies();
  await Promise.all(masters.map((master) => master.ask('FLUSHALL')));
});
afterAll(stopServers);

describe.each(RESENDING)('F70, F71: an increment that was stored, and whose node was lost then, $name', (kind) => {
  const start = async (options: Record<string, unknown> = {}): Promise<RedisApp> =>
    RedisApp.start('express', (await kind.connect(cluster.rootNodes(), options)).client, { storeTimeout: '8s' });

  /** A session that has been counted once, by an application behind proxies, and the proxy of its master. */
  async function begin(): Promise<{ app: RedisApp; other: RedisApp; token: string; proxy: TcpProxy }> {
    const natMap = Object.fromEntries(
      proxies.map(({ port, target }) => [`127.0.0.1:${target.port}`, { host: '127.0.0.1', port }]),
    );
    // It goes on trying for as long as the test lets nobody in.
    const [app, other] = [await start({ natMap, maxRedirections: 10_000, slotsRefreshTimeout: 10_000 }), await start()];
    const token = await app.visit();
    expect((await app.run('count', token)).says).toBe(1);
    const sizes = await Promise.all(masters.map((master) => master.ask('DBSIZE')));
    expect([...sizes].sort()).toEqual([0, 0, 1]);
    const proxy = proxies[sizes.indexOf(1)] as TcpProxy;
    expect(proxy.commands.filter(isScript)).not.toEqual([]);
    proxy.commands.length = 0;
    return { app, other, token, proxy };
  }

  const sent = (proxy: TcpProxy): number => proxy.commands.filter(isScript).length;

  it('counts once', async () => {
    const { app, other, token, proxy } = await begin();
    const lost = proxy.loseNextReply(isScript);
    const answer = await app.run('count', token);
    await lost;
    expect([answer, sent(proxy)]).toEqual([{ status: 201, token: undefined, says: 2 }, 2]);
    expect((await other.run('read', token)).says).toEqual({ written: true, count: 2 });
    expect((await app.run('count', token)).says).toBe(3);
  });

  it('counts once when some others write in between', async () => {
    const { app, other, token, proxy } = await begin();
    const lost = proxy.loseNextReply(isScript);
    const counted = app.run('count', token);
    proxy.refuse();
    await lost;
    for (let count = 3; count <= 12; count++) expect((await other.run('count', token)).says).toBe(count);
    await proxy.accept();
    const { status, token: given } = await counted;
    expect([status, given, sent(proxy)]).toEqual([201, undefined, 2]);
    expect((await other.run('read', token)).says).toEqual({ written: true, count: 12 });
    expect((await app.run('count', token)).says).toBe(13);
  });

  it('is OUTCOME_UNKNOWN, and counts once, when too many others write in between to tell', async () => {
    const { app, other, token, proxy } = await begin();
    const lost = proxy.loseNextReply(isScript);
    const counted = app.run('count', token);
    proxy.refuse();
    await lost;
    for (let count = 3; count <= 42; count++) expect((await other.run('count', token)).says).toBe(count);
    await proxy.accept();
    expect([await counted, sent(proxy)]).toEqual([UNKNOWN, 2]);
    expect((await other.run('read', token)).says).toEqual({ written: true, count: 42 });
    await until('a number', async () => (await app.run('count', token)).says === 43);
  });
});
