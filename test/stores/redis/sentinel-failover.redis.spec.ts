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

it('F71, laws 5 and 6: a planned failover loses what the old master took while it had replicas, no more', async () => {
  // It refuses writes as soon as the last replica follows the new one.
  const args = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
  const setup = await SentinelSetup.start({ ownPace: true, args });
  // On a busy machine, the half second of the setup would have them choose once more.
  for (const sentinel of setup.sentinels) {
    await sentinel.ask('SENTINEL', 'SET', MASTER_NAME, 'down-after-milliseconds', 2_000);
  }
  const load = await startLoad(setup);
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
