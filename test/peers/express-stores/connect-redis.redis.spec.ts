import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { expressStore } from 'nestjs-token-session/express-session';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { closeApps } from '../../support/app.js';
import { Browser, closePeers, startMoved, startPeer } from '../../support/express-move.js';
import { describeMove, describeOwn } from '../../support/express-move-laws.js';
import type { OpenedStore } from '../../support/express-stores.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';

const NAME = 'connect-redis';
const MINUTE = 60_000;

let server: RedisServer;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  server = await RedisServer.start();
  client = createClient({ url: server.url });
  client.on('error', () => undefined);
  await client.connect();
});
afterAll(async () => {
  client.destroy();
  await stopServers();
});

async function open(): Promise<OpenedStore> {
  await client.flushAll();
  const store = new RedisStore({ client });
  return {
    store,
    dump: async () => {
      const keys = await client.keys('*');
      return [...keys, ...(keys.length === 0 ? [] : await client.mGet(keys))].join('\n');
    },
  };
}

describeMove(NAME, open);
describeOwn(NAME, open);
describeSessionStore(
  NAME,
  ({ key }) => expressStore(new RedisStore({ client, prefix: `${key}:` })),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);

describe('connect-redis, which keeps the last use in the expiry of its keys alone', () => {
  afterEach(async () => {
    await closeApps();
    await closePeers();
  });

  it('law 8: a session that express-session has only touched for hours lives, and is touched here', async () => {
    const { store } = await open();
    const [peer, ours] = [await startPeer(store), (await startMoved(store)).url];
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    const key = `sess:${browser.rawId as string}`;
    const untouched = async (): Promise<void> => {
      const session = JSON.parse((await client.get(key)) as string) as { cookie: { expires: string } };
      session.cookie.expires = new Date(Date.now() - 180 * MINUTE).toISOString();
      await client.set(key, JSON.stringify(session), { expiration: { type: 'EX', value: 300 } });
    };
    await untouched();
    expect(await browser.user(ours)).toBe('ada');
    await until('our touch has moved the expiry', async () => (await client.ttl(key)) > 25 * 60);
    // Now it is ours, too.
    await untouched();
    expect(await browser.user(ours)).toBe('ada');
    expect(await browser.user(peer)).toBe('ada');
  });
});
