import { closeApps } from '../../support/app.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { PLACES, RedisApp, UNKNOWN } from '../../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

let server: RedisServer;
let proxy: TcpProxy;

const isScript = (text: string): boolean => /^EVAL(SHA)? /.test(text);

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
});
beforeEach(async () => {
  proxy = await TcpProxy.start(server);
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  closeProxies();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

describe.each(PLACES)('F70: an increment whose reply is lost, $name on $platform', ({ family, platform, connect }) => {
  /** ioredis and iovalkey send a command again whose reply was lost; node-redis rejects it. */
  const sendsAgain = family === 'ioredis';

  async function start(url: string): Promise<RedisApp> {
    return RedisApp.start(platform, (await connect(url)).client, { storeTimeout: '8s' });
  }

  /** A session that has been counted once, by an application behind the proxy. */
  async function begin(): Promise<{ app: RedisApp; token: string }> {
    const app = await start(proxy.url);
    const token = await app.visit();
    expect((await app.run('count', token)).says).toBe(1);
    proxy.commands.length = 0;
    return { app, token };
  }

  const scripts = (): number => proxy.commands.filter(isScript).length;

  it('counts once', async () => {
    const { app, token } = await begin();
    const lost = proxy.loseNextReply(isScript);
    const answer = await app.run('count', token);
    await lost;
    expect([answer, scripts()]).toEqual(sendsAgain ? [{ status: 201, token: undefined, says: 2 }, 2] : [UNKNOWN, 1]);
    await until('a connection', async () => (await app.run('read', token)).status === 201);
    expect((await app.run('read', token)).says).toEqual({ written: true, count: 2 });
    expect((await app.run('count', token)).says).toBe(3);
  });

  it('counts once when others write between the loss and the second time', async () => {
    const { app, token } = await begin();
    const other = await start(server.url);
    const lost = proxy.loseNextReply(isScript);
    proxy.refuse();
    const counted = app.run('count', token);
    await lost;
    // As many as a session that is used a lot may see meanwhile.
    for (let count = 3; count <= 12; count++) expect((await other.run('count', token)).says).toBe(count);
    await proxy.accept();
    const answer = await counted;
    expect([answer.status, answer.token]).toEqual(sendsAgain ? [201, undefined] : [503, undefined]);
    expect((await other.run('read', token)).says).toEqual({ written: true, count: 12 });
    await until('a connection', async () => (await app.run('read', token)).status === 201);
    expect((await app.run('count', token)).says).toBe(13);
  });

  it('is OUTCOME_UNKNOWN, and counts once, when too many others write in between to tell', async () => {
    const { app, token } = await begin();
    const other = await start(server.url);
    const lost = proxy.loseNextReply(isScript);
    proxy.refuse();
    const counted = app.run('count', token);
    await lost;
    for (let count = 3; count <= 42; count++) expect((await other.run('count', token)).says).toBe(count);
    await proxy.accept();
    expect(await counted).toEqual(UNKNOWN);
    expect((await other.run('read', token)).says).toEqual({ written: true, count: 42 });
  });

  it('counts not at all when the session was destroyed in between, nor does it come back', async () => {
    const { app, token } = await begin();
    const other = await start(server.url);
    const lost = proxy.loseNextReply(isScript);
    proxy.refuse();
    const counted = app.run('count', token);
    await lost;
    expect((await other.run('logout', token)).status).toBe(201);
    await proxy.accept();
    const answer = await counted;
    expect([answer.status, answer.says]).toEqual(sendsAgain ? [401, 'SESSION_ENDED'] : [503, 'OUTCOME_UNKNOWN']);
    expect(await other.store.count()).toBe(0);
  });

  it('counts once when the server was killed after it and started again without the script', async () => {
    const { app, token } = await begin();
    const lost = proxy.loseNextReply(isScript);
    proxy.refuse();
    const counted = app.run('count', token);
    await lost;
    await server.restart();
    await proxy.accept();
    expect((await counted).status).toBe(sendsAgain ? 201 : 503);
    await until('a connection', async () => (await app.run('read', token)).status === 201);
    expect((await app.run('read', token)).says).toEqual({ written: true, count: 2 });
  });

  it('is told as it is when the command is cut in the middle', async () => {
    const { app, token } = await begin();
    // The GET passes whole, the script's command does not.
    const cut = proxy.cutAfterRequestBytes(150);
    const answer = await app.run('count', token);
    await cut;
    expect(answer).toEqual(sendsAgain ? { status: 201, token: undefined, says: 2 } : UNKNOWN);
    await until('a connection', async () => (await app.run('read', token)).status === 201);
    expect((await app.run('read', token)).says).toMatchObject({ count: sendsAgain ? 2 : 1 });
  });
});

it('F70: parallel increments over a line that breaks again and again: each that is acknowledged counts once', async () => {
  const apps = await Promise.all(
    CLIENTS.map(async ({ connect }) => RedisApp.start('fastify', (await connect(proxy.url)).client)),
  );
  const token = await (apps[0] as RedisApp).visit();
  const seen: string[] = [];
  let breaks = 0;
  let scripts = 0;
  // Were each one lost, a command that is sent again could be lost again until its deadline.
  const eachThird = (text: string): boolean => isScript(text) && ++scripts % 3 === 0;
  const rounds = Array.from({ length: 6 }, (_, round) => round);
  const working = Promise.all(
    apps.map(async (app) => {
      for (const _round of rounds) seen.push(String((await app.run('count', token)).says));
    }),
  ).then(() => 'done');
  while ((await Promise.race([working, proxy.loseNextReply(eachThird)])) !== 'done') breaks++;
  const acknowledged = seen.filter((says) => /^\d+$/.test(says)).length;
  const open = seen.filter((says) => says === 'OUTCOME_UNKNOWN').length;
  const last = await until('a connection', async () => {
    const { status, says } = await (apps[0] as RedisApp).run('read', token);
    return status === 201 && (says as { count: number }).count;
  });
  expect(breaks).toBeGreaterThan(5);
  expect(acknowledged).toBeGreaterThan(0);
  expect(last).toBeGreaterThanOrEqual(acknowledged);
  expect(last).toBeLessThanOrEqual(acknowledged + open);
});
