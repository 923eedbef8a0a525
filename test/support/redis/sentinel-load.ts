import { SENTINEL_CLIENTS, type ClientOptions } from './clients.js';
import { FailoverLoad } from './failover-load.js';
import { MASTER_NAME, SentinelSetup, type SentinelSetupOptions } from './sentinel.js';

export const STORE_TIMEOUT = 1_000;

/** As docs/operations.md says: an old master that refuses is left at once, not when the sentinels get to it, 10 s later. */
const IOREDIS: ClientOptions = { reconnectOnError: ({ message }: Error) => /READONLY|NOREPLICAS/.test(message) };

/** Sentinels, and an application for each driver, all of them at work on the same sessions. */
export async function startSentinelLoad(
  options: SentinelSetupOptions = {},
): Promise<{ setup: SentinelSetup; load: FailoverLoad }> {
  const setup = await SentinelSetup.start(options);
  // On a busy machine, the half second of the setup would have them choose more than once.
  for (const sentinel of setup.sentinels) {
    await sentinel.ask('SENTINEL', 'SET', MASTER_NAME, 'down-after-milliseconds', 2_000);
  }
  const stores = await Promise.all(
    SENTINEL_CLIENTS.map(async ({ name, family, connect }) => ({
      driver: name,
      connected: await connect(setup.addresses, MASTER_NAME, family === 'ioredis' ? IOREDIS : {}),
    })),
  );
  const load = await FailoverLoad.start(stores, { storeTimeout: STORE_TIMEOUT });
  await load.well();
  return { setup, load };
}
