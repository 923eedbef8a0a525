import { closeApps } from '../../support/app.js';
import { CLEARED, DONE } from '../../support/flight.js';
import { closeClients } from '../../support/redis/clients.js';
import {
  PLACES,
  RedisApp,
  startFlight,
  STORE_TIMEOUT,
  timed,
  UNAVAILABLE,
  UNKNOWN,
} from '../../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

/** After so many calls in a row without an answer only one at a time is sent on. */
const LIMIT = 100;

let server: RedisServer;
let proxy: TcpProxy;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  proxy = await TcpProxy.start(server);
});
afterEach(async () => {
  server.resume();
  proxy.resume();
  await closeApps();
  await closeClients();
  closeProxies();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

describe.each(PLACES)('a Redis that says nothing, $name on $platform', ({ platform, connect }) => {
  it('F68: a black hole is 503 within storeTimeout, and works again when the line does', async () => {
    const app = await RedisApp.start(platform, (await connect(proxy.url)).client);
    const token = await app.visit();
    proxy.stall();
    const operations = ['read', 'write', 'count', 'login', 'logout'];
    const [answers, ms] = await timed(() =>
      Promise.all([...operations.map((operation) => app.run(operation, token)), app.run('write'), app.run('login')]),
    );
    // Only a write that was sent may have been carried out.
    expect(answers).toEqual([...operations.map(() => UNAVAILABLE), UNKNOWN, UNKNOWN]);
    expect(ms).toBeGreaterThan(STORE_TIMEOUT - 10);
    expect(ms).toBeLessThan(3 * STORE_TIMEOUT);
    expect(await app.run('plain', token)).toMatchObject({ says: 'plain' });
    expect(await app.run('read')).toMatchObject({ status: 201, says: {} });

    proxy.resume();
    expect(await app.run('read', token)).toMatchObject({ status: 201, says: { written: true } });
    expect(app.tally().store_recovered).toBeGreaterThan(0);
    // The sessions that were stored after all belong to nobody: they are removed.
    await until('one session', async () => (await app.store.count()) === 1);
    expect(await app.store.users.list('ada')).toEqual([]);
  });

  it('F68: half-open, writes are OUTCOME_UNKNOWN, and are what they were when replies come again', async () => {
    const flight = await startFlight(platform, (await connect(proxy.url)).client);
    // The server knows the scripts: what is sent is all there is to be sent.
    const first = await flight.visit();
    for (const operation of ['write', 'regenerate', 'logout'] as const) await flight.run(operation, first);
    await flight.sessions.clear();
    const [written, ended, renewed] = [await flight.visit(), await flight.visit(), await flight.visit()];
    const across = [
      await flight.takeOff(['write'], written),
      await flight.takeOff(['logout'], ended),
      await flight.takeOff(['regenerate'], renewed),
    ];
    proxy.stallReplies();
    const answers = await Promise.all(across.map(({ land }) => land()));
    expect(answers).toEqual([[UNKNOWN], [UNKNOWN], [UNKNOWN]]);
    proxy.resume();
    expect(await flight.dataOf(written)).toEqual({ cart: 'full', written: true });
    expect(await flight.dataOf(ended)).toBeUndefined();
    expect(await flight.dataOf(renewed)).toEqual({ cart: 'full' });
    await until('two sessions', async () => (await flight.sessions.count()) === 2);
    expect(await flight.run('logout', written)).toEqual(CLEARED);
    expect(await flight.run('write', renewed)).toEqual(DONE);
  });

  it('F71: a NOSCRIPT that comes too late sends nothing more', async () => {
    const flight = await startFlight(platform, (await connect(proxy.url)).client);
    const token = await flight.visit();
    await server.ask('SCRIPT', 'FLUSH');
    const flying = await flight.takeOff(['write'], token);
    proxy.stallReplies();
    expect(await flying.land()).toEqual([UNKNOWN]);
    proxy.commands.length = 0;
    proxy.resume();
    expect(await flight.run('read', token)).toMatchObject({ status: 201, says: { cart: 'full' } });
    expect(proxy.commands.filter((text) => text.startsWith('EVAL'))).toEqual([]);
    expect(await flight.run('write', token)).toEqual(DONE);
  });

  it('F69: frozen under load, no more is asked of it than it can be; it goes on where it stopped', async () => {
    const app = await RedisApp.start(platform, (await connect(proxy.url)).client);
    const token = await app.visit();
    const load = (count: number) => Promise.all(Array.from({ length: count }, () => app.run('read', token)));
    server.pause();
    proxy.commands.length = 0;
    expect(await load(LIMIT)).toEqual(Array.from({ length: LIMIT }, () => UNAVAILABLE));
    const pending = proxy.commands.length;
    expect(pending).toBeLessThanOrEqual(LIMIT);

    const [answers, ms] = await timed(() => load(3 * LIMIT));
    expect(answers).toEqual(Array.from({ length: 3 * LIMIT }, () => UNAVAILABLE));
    // One probe each time that one has waited in vain.
    expect(proxy.commands.length - pending).toBeLessThanOrEqual(1 + Math.ceil(ms / STORE_TIMEOUT));

    server.resume();
    await until('an answer', async () => (await app.run('read', token)).status === 201);
    expect(await load(LIMIT)).toEqual(Array.from({ length: LIMIT }, () => ({ ...DONE, says: { written: true } })));
    expect(app.tally().store_recovered).toBeGreaterThan(0);
  });
});
