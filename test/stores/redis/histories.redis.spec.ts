import type { AtomicSessionStore } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { TestClock } from '../../support/clock.js';
import { playHistories } from '../../support/history.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { methodsOf } from '../../support/user-grounds.js';

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  await closeClients();
  await stopServers();
});

const kinds = CLIENTS.filter(({ name }) => name === 'node-redis 6' || name === 'ioredis 6').flatMap((kind) => [
  { ...kind, nearCache: false },
  { ...kind, nearCache: true },
]);

describe.each(kinds)('laws 5 to 8 in random histories on Redis, $name, near cache $nearCache', (kind) => {
  it('every read gives what the acknowledged writes left, and nothing after the end', async () => {
    const { client } = await kind.connect(server.url);
    const store = new RedisStore({ client, prefix: `${kind.name}:`, nearCache: kind.nearCache });
    const clock = new CoarseClock();
    store.attach({ now: clock.now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
    let near = 0;
    const load: AtomicSessionStore['load'] = (id) => {
      const loaded = store.load(id);
      if (!(loaded instanceof Promise)) near++;
      return loaded;
    };
    if (kind.nearCache) await until('a near cache', () => nearCacheServes(store));
    // One store for all histories: what each leaves behind must not matter to the next.
    await playHistories(() => ({ ...methodsOf(store), load, users: store.users }), 75, clock);
    if (kind.nearCache) expect(near).toBeGreaterThan(1_000);
    else expect(near).toBe(0);
    store.close();
  });
});

/**
 * Keeps away from the last moments of a session or a tombstone: Redis lets a key that has a millisecond left go
 * in a millisecond, while the clock of the test stands still.
 */
class CoarseClock extends TestClock {
  override advance(ms: number): void {
    super.advance(ms % 60_000 === 59_999 ? ms - 4_999 : ms);
  }
}

async function nearCacheServes(store: RedisStore): Promise<boolean> {
  const id = 'n'.repeat(43);
  const now = Date.UTC(2026, 0, 1);
  const times = { startedAt: now, usedAt: now, idleTimeout: 60_000, absoluteTimeout: 60_000 };
  await store.create(id, { ...times, payload: '{}', version: '1' });
  await store.load(id);
  return !(store.load(id) instanceof Promise);
}
