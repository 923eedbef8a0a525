import { closeApps } from '../../support/app.js';
import { closeClients, SENTINEL_CLIENTS, type ClientOptions } from '../../support/redis/clients.js';
import { expectFairAnswers, expectLostWithin, FailoverLoad, stopLoads } from '../../support/redis/failover-load.js';
import { stopServers } from '../../support/redis/redis-server.js';
import { MASTER_NAME, SentinelSetup } from '../../support/redis/sentinel.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const STORE_TIMEOUT = 1_000;

/** As docs/operations.md says: an old master that refuses is left at once, not when the sentinels get to it, 10 s later. */
const IOREDIS: ClientOptions = { reconnectOnError: ({ message }: Error) => /^(READONLY|NOREPLICAS)/.test(message) };

failOnUnhandledRejections();
afterEach(async () => {
  await stopLoads();
  await closeApps();
  await closeClients();
  await stopServers();
});

/** An application for each driver, all of them at work on the same sessions. */
async function startLoad(setup: SentinelSetup): Promise<FailoverLoad> {
  const stores = await Promise.all(
    SENTINEL_CLIENTS.map(async ({ name, family, connect }) => ({
      driver: name,
      connected: await connect(setup.addresses, MASTER_NAME, family === 'ioredis' ? IOREDIS : {}),
    })),
  );
  const load = await FailoverLoad.start(stores, { storeTimeout: STORE_TIMEOUT });
  await load.well();
  return load;
}

it('F71, laws 5, 6 and 9: a killed master is 503 until another one is chosen; then all go on by themselves', async () => {
  const setup = await SentinelSetup.start();
  // On a busy machine, the half second of the setup would have them choose more than once.
  for (const sentinel of setup.sentinels) {
    await sentinel.ask('SENTINEL', 'SET', MASTER_NAME, 'down-after-milliseconds', 2_000);
  }
  const load = await startLoad(setup);
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
