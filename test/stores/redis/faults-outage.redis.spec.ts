import { Redis as IoRedis6 } from 'ioredis';
import { Redis as IoRedis5 } from 'ioredis-5';
import { Redis as Valkey } from 'iovalkey';
import { createClient as createClient6 } from 'redis';
import { createClient as createClient5 } from 'redis-5';
import type { RedisClient } from 'nestjs-token-session/redis';
import { closeApps } from '../../support/app.js';
import { closeClients } from '../../support/redis/clients.js';
import { freePort, RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { PLACES, RedisApp, STORE_TIMEOUT, timed, UNAVAILABLE } from '../../support/redis/redis-app.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const UNKNOWN_TOKEN = 'A'.repeat(43);
const ORDERS = /^(GET|SET|EVAL|EVALSHA|UNLINK|SCAN) /;

const unconnected: { end(): unknown }[] = [];

/** As applications open a client when they don't wait for the server; it has no listener for 'error'. */
const open: Record<string, (url: string) => RedisClient> = {
  'node-redis 5': (url) => nodeRedis(createClient5({ url })),
  'node-redis 6': (url) => nodeRedis(createClient6({ url })),
  'ioredis 5': (url) => ioredis(new IoRedis5(url)),
  'ioredis 6': (url) => ioredis(new IoRedis6(url)),
  iovalkey: (url) => ioredis(new Valkey(url)),
};

function nodeRedis<T extends RedisClient & { connect(): Promise<unknown>; destroy(): unknown }>(client: T): T {
  unconnected.push({ end: () => client.destroy() });
  client.connect().catch(() => undefined);
  return client;
}

function ioredis<T extends RedisClient & { disconnect(): void }>(client: T): T {
  unconnected.push({ end: () => client.disconnect() });
  // Without a listener it writes each error to the console.
  client.on('error', () => undefined);
  return client;
}

failOnUnhandledRejections();
afterEach(async () => {
  await closeApps();
  await closeClients();
  closeProxies();
  for (const client of unconnected.splice(0)) await client.end();
});
afterAll(stopServers);

describe.each(PLACES)('an outage of Redis, $name on $platform', ({ name, platform, connect }) => {
  it('F67: down at boot, the application starts; it serves sessions as soon as Redis is there', async () => {
    const port = await freePort();
    const app = await RedisApp.start(platform, open[name]?.(`redis://127.0.0.1:${port}`) as RedisClient);
    expect(await app.run('plain', UNKNOWN_TOKEN)).toMatchObject({ status: 201, says: 'plain' });
    expect(await app.run('read')).toMatchObject({ status: 201, says: {} });
    expect(await app.run('read', 'malformed')).toMatchObject({ status: 201, says: {} });
    const [answers, ms] = await timed(() =>
      Promise.all([app.run('read', UNKNOWN_TOKEN), app.run('write'), app.run('login'), app.run('count')]),
    );
    expect(answers).toEqual([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
    expect(ms).toBeLessThan(2 * STORE_TIMEOUT);

    await RedisServer.start({ port });
    const token = await until('a session', () => app.visit());
    expect(await app.run('read', token)).toMatchObject({ status: 201, says: { written: true } });
    expect(app.tally()).toMatchObject({
      store_failed: expect.any(Number) as number,
      store_recovered: expect.any(Number) as number,
    });
  });

  it.each([
    { data: 'kept', args: ['--appendonly', 'yes', '--appendfsync', 'always'], found: { written: true } },
    { data: 'lost', args: [], found: {} },
  ])('F67: killed and started again with its data $data, it is used again without a restart', async (plan) => {
    const server = await RedisServer.start({ args: plan.args });
    const app = await RedisApp.start(platform, (await connect(server.url)).client);
    const token = await app.visit();
    app.events.length = 0;
    await server.kill();
    const [answer, ms] = await timed(() => app.run('read', token));
    expect(answer).toEqual(UNAVAILABLE);
    expect(ms).toBeLessThan(2 * STORE_TIMEOUT);
    expect(await app.run('plain', token)).toMatchObject({ says: 'plain', token: undefined });
    expect(await app.run('read')).toMatchObject({ status: 201, says: {} });

    await server.restart();
    const back = await until('an answer', async () => {
      const read = await app.run('read', token);
      return read.status !== 503 && read;
    });
    expect(back).toMatchObject({ status: 201, says: plan.found });
    expect((await app.run('write')).status).toBe(201);
    expect(app.tally()).toMatchObject({ store_failed: expect.any(Number) as number, store_recovered: 1 });
    await server.stop();
  });

  it('F69: an outage longer than storeTimeout is answered at once, and nothing of it is sent later', async () => {
    const server = await RedisServer.start();
    const proxy = await TcpProxy.start(server);
    const app = await RedisApp.start(platform, (await connect(proxy.url)).client);
    const token = await app.visit();
    proxy.refuse();
    proxy.cut();
    const operations = ['read', 'write', 'count', 'login', 'logout'];
    const during = await Promise.all(
      operations.flatMap((operation) => Array.from({ length: 10 }, () => app.run(operation, token))),
    );
    expect(during).toEqual(during.map(() => UNAVAILABLE));

    const [, ms] = await timed(async () => {
      for (let request = 0; request < 10; request++) expect(await app.run('read', token)).toEqual(UNAVAILABLE);
    });
    expect(ms).toBeLessThan(STORE_TIMEOUT);

    proxy.commands.length = 0;
    await proxy.accept();
    await until('a connection', async () => (await app.run('read', token)).status === 201);
    const [get, ...others] = proxy.commands.filter((text) => ORDERS.test(text));
    expect(get).toMatch(/^GET session:/);
    expect(others.filter((text) => !text.startsWith('GET session:'))).toEqual([]);
    expect(others.length).toBeLessThan(5);
    expect(await app.run('read', token)).toMatchObject({ says: { written: true } });
    await server.stop();
  });
});
