import { SessionService } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { commandsDuring } from '../../support/redis/counting.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const MANY = 100_000;

/** Sessions as the store keeps them, made by the server itself. */
const FILL = `
for number = 1, tonumber(ARGV[1]) do
  local id = string.format('%043d', number)
  redis.call('SET', 'session:' .. id, ARGV[2] .. number, 'PX', 3600000)
end`;

let server: RedisServer;

const fill = (count: number): Promise<unknown> => server.ask('EVAL', FILL, 0, count, 'x'.repeat(200));

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  await server.ask('FLUSHALL');
  await server.ask('SET', 'session:mine', 'mine');
});
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);
failOnUnhandledRejections();

const WHERE = CLIENTS.filter(({ name }) => ['node-redis 6', 'ioredis 6'].includes(name));

describe.each(WHERE)('7.4.5, growth: all sessions in Redis, $name', ({ connect }) => {
  it('100,000 are counted page by page', async () => {
    await fill(MANY);
    const store = new RedisStore({ client: (await connect(server.url)).client });
    const commands = await commandsDuring(server, async () => expect(await store.count()).toBe(MANY));
    expect(new Set(commands.map(([name]) => name))).toEqual(new Set(['SCAN']));
    expect(commands.length).toBeGreaterThan(50);
    // Each begins where the one before it ended.
    expect(commands[0]?.[1]).toBe('0');
    expect(new Set(commands.map(([, cursor]) => cursor)).size).toBe(commands.length);
  });

  it('they are removed page by page: never more of them in memory than a page has', async () => {
    await fill(20_000);
    const store = new RedisStore({ client: (await connect(server.url)).client });
    const names = (await commandsDuring(server, () => store.clear())).map(([name]) => name as string);
    expect(await server.ask('KEYS', '*')).toEqual(['session:mine']);
    // The script tells those who watch sessions, once.
    const isTelling = (name: string): boolean => name.startsWith('EVAL');
    expect(new Set(names.filter((name) => !isTelling(name)))).toEqual(new Set(['SCAN', 'UNLINK']));
    expect(names.filter(isTelling).length).toBeLessThanOrEqual(2);
    const pages = names
      .join(' ')
      .split('SCAN')
      .map((page) => page.trim().split(' ').length);
    expect(pages.length).toBeGreaterThan(20);
    expect(Math.max(...pages)).toBeLessThan(2_500);
  });
});

it('7.4.5, growth: requests are answered while 100,000 sessions are counted and removed, without KEYS', async () => {
  await fill(MANY);
  const { connect } = WHERE[1] as (typeof WHERE)[number];
  const store = new RedisStore({ client: (await connect(server.url)).client });
  const { url, get } = await startApp('fastify', { controllers: [CounterController], session: { store } });
  const service = get(SessionService);
  await server.ask('CONFIG', 'RESETSTAT');
  const progress = { isDone: false };
  const whole = service
    .count()
    .then((count) => expect(count).toBeGreaterThanOrEqual(MANY))
    .then(() => service.clear())
    .finally(() => (progress.isDone = true));
  let served = 0;
  while (!progress.isDone) {
    expect((await call(url, '/views', { method: 'POST' })).status).toBe(201);
    served++;
  }
  await whole;
  expect(served).toBeGreaterThan(10);
  expect(Number(await server.ask('DBSIZE'))).toBeLessThanOrEqual(served + 1);
  const stats = String(await server.ask('INFO', 'commandstats'));
  expect(stats).toMatch(/cmdstat_scan:/);
  expect(stats).not.toMatch(/cmdstat_(keys|flushall|flushdb):/);
});
