import { closeApps } from '../../support/app.js';
import { closeClients } from '../../support/redis/clients.js';
import { expectFairAnswers, expectLostWithin, stopLoads } from '../../support/redis/failover-load.js';
import { stopServers } from '../../support/redis/redis-server.js';
import { startSentinelLoad, STORE_TIMEOUT } from '../../support/redis/sentinel-load.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

failOnUnhandledRejections();
afterEach(async () => {
  await stopLoads();
  await closeApps();
  await closeClients();
  await stopServers();
});

it('F71, laws 5 and 6: a planned failover loses what the old master took while it had replicas, no more', async () => {
  // It refuses writes as soon as the last replica follows the new one.
  const args = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
  const { setup, load } = await startSentinelLoad({ ownPace: true, args });
  const begunAt = performance.now();
  await setup.failover();
  const knownAt = performance.now();
  await load.well();
  const wellAt = performance.now();
  // The old master is no master any more.
  await setup.settled();
  await load.well();
  await load.stop();

  // Not as late as the sentinels get to the old master.
  expect(wellAt - knownAt).toBeLessThan(8_000);
  expectFairAnswers(load, STORE_TIMEOUT);
  const losses = await load.losses();
  expect(losses.wrong).toEqual([]);
  expectLostWithin(losses, begunAt, knownAt + 2_000);
});
