import { closeApps } from '../../support/app.js';
import { CLEARED, DONE } from '../../support/flight.js';
import { STORE_TIMEOUT, timed, UNAVAILABLE, UNKNOWN } from '../../support/faults-app.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp, startPostgresFlight } from '../../support/postgres/postgres-app.js';
import { closeProxies, PostgresProxy } from '../../support/postgres/postgres-proxy.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const UNKNOWN_TOKEN = 'A'.repeat(43);
const OPERATIONS = ['read', 'write', 'count', 'login', 'logout'];
const READ = { status: 201, token: undefined, says: { written: true } };

let server: PostgresServer;
let address: Address;
let proxy: PostgresProxy;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  address = await server.createDatabase();
  await migrate(address);
  proxy = await PostgresProxy.start(server);
});
afterEach(async () => {
  server.resume();
  proxy.resume();
  await closeApps();
  await endPools();
  closeProxies();
});
afterAll(stopServers);

describe.each(['fastify'] as const)('a PostgreSQL that says nothing, on %s', (platform) => {
  it('F68: silent at boot, it starts all the same, after storeTimeout at most', async () => {
    proxy.stall();
    const pool = barePool(proxy.before(address), { connectionTimeoutMillis: 2 * STORE_TIMEOUT });
    const [app, ms] = await timed(() => startPostgresApp(platform, pool));
    expect(ms).toBeLessThan(4 * STORE_TIMEOUT);
    expect(await app.run('read', UNKNOWN_TOKEN)).toEqual(UNAVAILABLE);
    proxy.resume();
    await until('a session', async () => (await app.run('write')).status === 201);
  });

  it('F68: a black hole is 503 within storeTimeout, and works again when the line does', async () => {
    const app = await startPostgresApp(platform, barePool(proxy.before(address), { max: 2 }));
    const token = await app.visit();
    proxy.stall();
    const [answers, ms] = await timed(() =>
      Promise.all([...OPERATIONS.map((operation) => app.run(operation, token)), app.run('write'), app.run('login')]),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    expect(ms).toBeLessThan(3 * STORE_TIMEOUT);
    expect(await app.run('plain', token)).toMatchObject({ says: 'plain' });
    expect(await app.run('read')).toMatchObject({ status: 201, says: {} });
    proxy.resume();
    expect(await until('an answer', async () => (await app.run('read', token)).status === 201)).toBe(true);
    expect(await app.run('read', token)).toEqual(READ);
    expect(app.tally().store_recovered).toBeGreaterThan(0);
    await until('one session', async () => (await app.sessions.count()) === 1);
  });

  it('F68: half-open, writes are OUTCOME_UNKNOWN, and are what they were when replies come again', async () => {
    const pool = barePool(proxy.before(address));
    const flight = await startPostgresFlight(platform, pool);
    const [written, ended, renewed] = [await flight.visit(), await flight.visit(), await flight.visit()];
    const across = [
      await flight.takeOff(['write'], written),
      await flight.takeOff(['logout'], ended),
      await flight.takeOff(['regenerate'], renewed),
    ];
    // One for each, as a connection that has to be made waits for replies, too.
    const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    for (const client of clients) client.release();
    proxy.stallReplies();
    const flying = [...across.map(({ land }) => land()), flight.run('shop').then((answer) => [answer])];
    expect(await Promise.all(flying)).toEqual([[UNKNOWN], [UNKNOWN], [UNKNOWN], [UNKNOWN]]);
    proxy.resume();
    expect(await flight.dataOf(written)).toEqual({ cart: 'full', written: true });
    expect(await flight.dataOf(ended)).toBeUndefined();
    expect(await flight.dataOf(renewed)).toEqual({ cart: 'full' });
    // The sessions that were stored after all belong to nobody: they are removed.
    await until('two sessions', async () => (await flight.sessions.count()) === 2);
    expect(await flight.run('logout', written)).toEqual(CLEARED);
    expect(await flight.run('write', renewed)).toEqual(DONE);
  });

  it('F68: a pool of two whose connections are dead is not used up: new ones work at once', async () => {
    const pool = barePool(proxy.before(address), { max: 2 });
    const app = await startPostgresApp(platform, pool);
    const token = await app.visit();
    await Promise.all([app.run('read', token), app.run('read', token)]);
    proxy.stall();
    // From now on new connections lead past the hole, which the old ones never leave.
    pool.options.port = server.port;
    const answers = await Promise.all([app.run('read', token), app.run('read', token)]);
    expect(answers).toEqual([UNAVAILABLE, UNAVAILABLE]);
    const [more, ms] = await timed(() => Promise.all(Array.from({ length: 8 }, () => app.run('read', token))));
    expect(more).toEqual(more.map(() => READ));
    expect(ms).toBeLessThan(STORE_TIMEOUT);
  });

  it('F68: a pool of two that was connecting into a black hole is not used up, if it gives up connecting', async () => {
    const pool = barePool(proxy.before(address), { max: 2, connectionTimeoutMillis: STORE_TIMEOUT });
    const app = await startPostgresApp(platform, pool);
    const token = await app.visit();
    proxy.stall();
    for (let round = 0; round < 2; round++) {
      await Promise.all([app.run('read', token), app.run('read', token)]);
    }
    pool.options.port = server.port;
    await until('an answer', async () => (await app.run('read', token)).status === 201, 2 * STORE_TIMEOUT);
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
  });

  it('F68: a pool that never gives up connecting is told of at boot, with the remedy', async () => {
    const told: string[] = [];
    const logger = { warn: (text: string) => void told.push(text), error: (text: string) => void told.push(text) };
    await startPostgresApp(platform, barePool(address, { connectionTimeoutMillis: 2_000 }), { logger });
    expect(told.join()).not.toMatch(/connectionTimeoutMillis/);
    await startPostgresApp(platform, barePool(address), { logger });
    expect(told.join()).toMatch(/connectionTimeoutMillis/);
  });

  it('F69: frozen under load, it goes on where it stopped', async () => {
    const app = await startPostgresApp(platform, barePool(proxy.before(address)));
    const token = await app.visit();
    await server.pause();
    proxy.statements.length = 0;
    const [answers, ms] = await timed(() => Promise.all(Array.from({ length: 100 }, () => app.run('read', token))));
    expect(answers).toEqual(answers.map(() => UNAVAILABLE));
    expect(ms).toBeLessThan(4 * STORE_TIMEOUT);
    expect(proxy.statements.length).toBeLessThanOrEqual(10);
    server.resume();
    await until('an answer', async () => (await app.run('read', token)).status === 201);
    expect(await app.run('count', token)).toMatchObject({ status: 201, says: 1 });
  });
});
