import { closeApps } from '../../support/app.js';
import { closeClients } from '../../support/redis/clients.js';
import { PLACES, RedisApp, UNAVAILABLE } from '../../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { Wire } from '../../support/redis/wire.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const READ = { status: 201, token: undefined, says: { written: true } };

let server: RedisServer;
/** A connection of the test's own, from before the fault. */
let wire: Wire;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  wire = await Wire.open(server.port);
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  await wire.call('FLUSHALL');
  wire.close();
});
afterAll(stopServers);

describe.each(PLACES)('a Redis that is not ready for all, $name on $platform', ({ platform, connect }) => {
  let app: RedisApp;
  let token: string;

  beforeEach(async () => {
    app = await RedisApp.start(platform, (await connect(server.url)).client);
    token = await app.visit();
    app.events.length = 0;
  });

  const works = (): Promise<boolean> =>
    until(
      'a session',
      async () => (await app.run('write')).status === 201 && (await app.run('count', token)).says === 1,
    );

  /** Whatever writes is refused and told so; nobody gets a token. */
  async function refusesWrites(): Promise<void> {
    for (const operation of ['count', 'login']) {
      expect([operation, await app.run(operation, token)]).toEqual([operation, UNAVAILABLE]);
    }
    expect(await app.run('write')).toEqual(UNAVAILABLE);
    expect(app.tally()).toMatchObject({ store_failed: expect.any(Number) as number });
  }

  it('F71: NOAUTH, on a password that is new', async () => {
    await wire.call('CONFIG', 'SET', 'requirepass', 'secret');
    try {
      await wire.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await until('a refusal', async () => (await app.run('read', token)).status === 503);
      expect(await app.run('read', token)).toEqual(UNAVAILABLE);
      await refusesWrites();
    } finally {
      await wire.call('CONFIG', 'SET', 'requirepass', '');
    }
    expect(await works()).toBe(true);
  });

  it('F71: BUSY with a script of somebody else', async () => {
    await wire.call('CONFIG', 'SET', 'busy-reply-threshold', '50');
    const busy = wire.call('EVAL', 'while true do end', 0).then(String, String);
    try {
      await until('BUSY', async () => /BUSY/.test(await server.ask('PING').then(String, String)));
      await refusesWrites();
      expect(await app.run('read', token)).toEqual(UNAVAILABLE);
    } finally {
      await server.ask('SCRIPT', 'KILL');
    }
    expect(await busy).toMatch(/killed/);
    expect(await works()).toBe(true);
  });

  it('F71: NOSCRIPT under load', async () => {
    let counted = 0;
    const counting = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let count = 0; count < 10; count++) if ((await app.run('count', token)).status === 201) counted++;
      }),
    ).then(() => 'done');
    while ((await Promise.race([counting, wire.call('SCRIPT', 'FLUSH')])) !== 'done');
    expect(counted).toBe(40);
    expect((await app.run('read', token)).says).toEqual({ written: true, count: 40 });
    expect(app.tally().store_failed).toBeUndefined();
  });
});

it.each(PLACES)('F71: LOADING, $name on $platform', async ({ platform, connect }) => {
  // Each key takes a while to load, and the server answers in between.
  const slow = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
  const loading = await RedisServer.start({ args: slow });
  const app = await RedisApp.start(platform, (await connect(loading.url)).client);
  const token = await app.visit();
  await loading.ask('EVAL', "for i = 1, 800 do redis.call('SET', 'k' .. i, string.rep('x', 64)) end", 0);
  await loading.ask('SAVE');
  const restarted = loading.restart();
  await until('LOADING', async () => /LOADING/.test(await loading.ask('PING').then(String, String)));
  expect(await app.run('read', token)).toEqual(UNAVAILABLE);
  expect(await app.run('plain', token)).toMatchObject({ status: 201 });
  expect(await loading.ask('PING').then(String, String)).toMatch(/LOADING/);
  await restarted;
  await until('the session', async () => (await app.run('read', token)).status === 201);
  expect(await app.run('read', token)).toEqual(READ);
  await loading.stop();
});
