import { closeApps } from '../../support/app.js';
import { STORE_TIMEOUT, timed, UNAVAILABLE } from '../../support/faults-app.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp } from '../../support/postgres/postgres-app.js';
import { closeProxies, PostgresProxy } from '../../support/postgres/postgres-proxy.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
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
  await closeApps();
  await endPools();
  closeProxies();
});
afterAll(stopServers);

describe.each(PLATFORMS)('an outage of PostgreSQL, on %s', (platform) => {
  it('F67: down at boot, the application starts; it serves sessions as soon as PostgreSQL is there', async () => {
    proxy.refuse();
    const app = await startPostgresApp(platform, barePool(proxy.before(address)));
    expect(await app.run('plain', UNKNOWN_TOKEN)).toMatchObject({ status: 201, says: 'plain' });
    expect(await app.run('read')).toMatchObject({ status: 201, says: {} });
    expect(await app.run('read', 'malformed')).toMatchObject({ status: 201, says: {} });
    const [answers, ms] = await timed(() =>
      Promise.all([app.run('read', UNKNOWN_TOKEN), app.run('write'), app.run('login'), app.run('count')]),
    );
    expect(answers).toEqual(answers.map(() => UNAVAILABLE));
    expect(ms).toBeLessThan(STORE_TIMEOUT);

    await proxy.accept();
    const token = await app.visit();
    expect(await app.run('read', token)).toEqual(READ);
    expect(app.tally()).toMatchObject({ store_failed: expect.any(Number) as number, store_recovered: 1 });
  });

  it('F67: killed and started again, it is used again without a restart', async () => {
    const app = await startPostgresApp(platform, barePool(address));
    const token = await app.visit();
    app.events.length = 0;
    await server.kill();
    try {
      for (const operation of OPERATIONS) {
        const [answer, ms] = await timed(() => app.run(operation, token));
        expect([operation, answer]).toEqual([operation, UNAVAILABLE]);
        expect(ms).toBeLessThan(2 * STORE_TIMEOUT);
      }
      expect(await app.run('plain', token)).toMatchObject({ says: 'plain', token: undefined });
      expect(await app.run('read')).toMatchObject({ status: 201, says: {} });
    } finally {
      await server.restart();
    }
    expect(await app.run('read', token)).toEqual(READ);
    expect(app.tally().store_recovered).toBe(1);
  });

  it('F69: an outage is answered at once, and nothing of it is sent later', async () => {
    const app = await startPostgresApp(platform, barePool(proxy.before(address)));
    const token = await app.visit();
    proxy.refuse();
    proxy.cut();
    const [during, ms] = await timed(() =>
      Promise.all(OPERATIONS.flatMap((operation) => Array.from({ length: 4 }, () => app.run(operation, token)))),
    );
    expect(during).toEqual(during.map(() => UNAVAILABLE));
    expect(ms).toBeLessThan(3 * STORE_TIMEOUT);
    proxy.statements.length = 0;
    await proxy.accept();
    expect(await app.run('read', token)).toEqual(READ);
    expect(proxy.statements.filter((text) => !text.startsWith('SELECT'))).toEqual([]);
    expect(proxy.statements.length).toBeLessThan(5);
  });
});
