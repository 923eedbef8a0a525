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

it('F71, laws 5, 6 and 9: a killed master is 503 until another one is chosen; then all go on by themselves', async () => {
  const { setup, load } = await startSentinelLoad();
  const old = await setup.master();
  const killedAt = performance.now();
  await setup.killMaster();
  const chosenAt = performance.now();
  await load.well();
  await old.restart();
  await setup.settled();
  await load.well();
  await load.stop();

  expectFairAnswers(load, STORE_TIMEOUT);
  expect(load.told()['503 STORE_UNAVAILABLE']).toBeGreaterThan(0);
  const losses = await load.losses();
  expect(losses.wrong).toEqual([]);
  // What the replica did not have yet: nothing but the last of it.
  expectLostWithin(losses, killedAt - 500, chosenAt);
});
