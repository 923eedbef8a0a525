import { randomInt } from 'node:crypto';
import { startPeers, stopPeers } from '../../support/redis/peers.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { Dice, SharedHistory } from '../../support/redis/shared-history.js';
import { ABSOLUTE, IDLE } from '../../support/redis/shared-line.js';

/** Set it to what a failure printed. */
const SEED = Number(process.env['HISTORY_SEED'] ?? randomInt(2 ** 31));
const START = Date.UTC(2026, 0, 1);
const DRIVERS = ['node-redis 6', 'ioredis 6', 'iovalkey'];

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  await stopPeers();
  await stopServers();
});

describe('laws 5 to 8, R58 to R63, ASVS 7.2.1: random histories of several processes on one Redis', () => {
  it.each([
    { title: 'every process sees at once what another one was told is done', nearCache: false, patience: 0 },
    { title: 'with near caches every process sees it within their bound', nearCache: true, patience: 1_500 },
  ])('$title', async ({ nearCache, patience }) => {
    const setup = {
      redis: server.url,
      store: { prefix: `near ${String(nearCache)}:`, nearCache },
      session: { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE },
      now: START,
    };
    const peers = await startPeers(DRIVERS.map((driver) => ({ ...setup, driver })));
    const history = new SharedHistory(peers, new Dice(SEED), START, patience);
    try {
      await history.run(250);
    } catch (error) {
      throw new Error(`HISTORY_SEED=${String(SEED)}, after ${String(history.steps)} steps`, { cause: error });
    }
    expect(history.steps).toBeGreaterThan(1_500);
    expect(history.contested).toBeGreaterThan(150);
    await stopPeers();
  });
});
