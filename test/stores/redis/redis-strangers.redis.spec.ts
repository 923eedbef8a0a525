import { Controller, Inject, Post } from '@nestjs/common';
import { Session, SessionService, type SessionEvent } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { Barrier } from '../../support/barrier.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { collectEvents } from '../../support/events.js';
import { PLATFORMS } from '../../support/platforms.js';
import { CLIENTS, closeClients, type ClientKind } from '../../support/redis/clients.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

let slow: Barrier;

/** Where the sessions of Ada are listed. */
const INDEX = 'session:by-user:ada';

@Controller()
class UserController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('login')
  async login(@Session() sess: Session): Promise<string> {
    await this.sessions.login(sess, 'ada');
    return 'welcome';
  }

  @Post('logout-everywhere')
  async logout(): Promise<string> {
    await this.sessions.destroyAll('ada');
    return 'bye';
  }

  @Post('slow')
  async slow(@Session() sess: Session<{ views: number }>): Promise<string> {
    sess.views = 99;
    await slow.pass();
    return 'done';
  }
}

type Spoil = (key: string) => Promise<unknown>;

const set =
  (value: string): Spoil =>
  (key) =>
    server.ask('SET', key, value);
const instead =
  (...[command, ...words]: [string, ...string[]]): Spoil =>
  async (key) => {
    await server.ask('DEL', key);
    return server.ask(command, key, ...words);
  };
/** Changes the text that the store wrote. */
const edited =
  (change: (text: string) => string): Spoil =>
  async (key) =>
    server.ask('SET', key, change(String(await server.ask('GET', key))));

const GARBAGE: Record<string, Spoil> = {
  'S52: empty text': set(''),
  'S52: null': set('null'),
  'S52: 42': set('42'),
  'S52: []': set('[]'),
  'S52: {}': set('{}'),
  'S52: line breaks': set('\n\n\n'),
  'S52: a session of connect-redis': set('{"cookie":{"originalMaxAge":null},"views":1}'),
  'S52: random bytes': (key) =>
    server.ask('EVAL', "redis.call('SET', KEYS[1], '\\255\\254\\0\\1\\n\\200 \\r\\n')", 1, key),
  'S52: a record cut off in its times': edited((text) => text.slice(0, 15)),
  'S52: a record without its payload': edited((text) => text.slice(0, text.indexOf('\n'))),
  'S52: a record with an empty payload': edited((text) => text.slice(0, text.indexOf('\n') + 1)),
  'S52: a record cut off in its payload': edited((text) => text.slice(0, -1)),
  'S52: a version that is no text': edited((text) => text.replace(/^((?:\S+ ){4})\S+/, '$1%E0%A4%A')),
  'S52: a user that is no JSON': edited((text) => text.replace(/^((?:\S+ ){5})/, '$1"ada')),
  'S52: times that are none': edited((text) => text.replace(/^\S{9}/, '-nan-inf-')),
  'S53: a list': instead('RPUSH', 'x'),
  'S53: a hash': instead('HSET', 'views', '1'),
  'S53: a set': instead('SADD', 'x'),
  'S53: a sorted set': instead('ZADD', '1', 'x'),
  'S53: a stream': instead('XADD', '*', 'views', '1'),
};

/** What has kept its version can be written: whoever loaded it before brings its data with them. */
const WRITABLE = new Set([
  'S52: a record without its payload',
  'S52: a record with an empty payload',
  'S52: a record cut off in its payload',
  'S52: a user that is no JSON',
]);

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  slow = new Barrier();
  await server.ask('FLUSHALL');
});
afterEach(async () => {
  slow.open();
  await closeApps();
  await closeClients();
});
afterAll(stopServers);
failOnUnhandledRejections();

const WHERE = [
  { platform: PLATFORMS[0], client: CLIENTS[3] as ClientKind },
  { platform: PLATFORMS[1], client: CLIENTS[1] as ClientKind },
];

describe.each(WHERE)(
  'what others left in Redis, on $platform with $client.name',
  ({ platform, client: { connect } }) => {
    async function start(): Promise<{ url: string; events: SessionEvent[] }> {
      const store = new RedisStore({ client: (await connect(server.url)).client });
      const running = await startApp(platform, {
        controllers: [CounterController, UserController],
        session: { store },
      });
      return { url: running.url, events: collectEvents(running) };
    }

    /** A session, and the key that it is kept under. */
    async function begin(url: string): Promise<{ token: string; key: string }> {
      const { token } = await call(url, '/views', { method: 'POST' });
      const [key] = (await server.ask('KEYS', 'session:*')) as [string];
      return { token: token as string, key };
    }

    const isGone = (key: string): Promise<boolean> =>
      until(`${key} is gone`, async () => (await server.ask('EXISTS', key)) === 0, 5_000);

    it.each(Object.entries(GARBAGE))('%s: anonymous, one event, and the key is gone', async (_name, spoil) => {
      const { url, events } = await start();
      const { token, key } = await begin(url);
      await spoil(key);

      const read = await call(url, '/views', { token });
      expect([read.status, read.json()]).toEqual([200, { views: 0 }]);
      await isGone(key);
      expect(events.filter(({ type }) => type === 'record_corrupt')).toEqual([
        { type: 'record_corrupt', id: key.slice('session:'.length), reason: expect.any(String) },
      ]);
      expect(events.map(({ type }) => type)).not.toContain('store_failed');

      const next = await call(url, '/views', { token, method: 'POST' });
      expect([next.status, next.json()]).toEqual([201, { views: 1 }]);
      expect(next.token).toMatch(/^[\w-]{43}$/);
      expect(next.token).not.toBe(token);
    });

    it.each(Object.entries(GARBAGE))('%s: law 9: whoever finds it by a write is told', async (_name, spoil) => {
      const { url } = await start();
      const { token, key } = await begin(url);
      await spoil(key);
      const answer = await call(url, '/views', { token, method: 'POST' });
      expect([answer.status, answer.token]).toEqual([401, undefined]);
      expect(answer.json()).toMatchObject({ code: 'SESSION_ENDED' });
      await isGone(key);
    });

    it.each(Object.entries(GARBAGE))('%s: that appears while a request runs', async (name, spoil) => {
      const { url } = await start();
      const { token, key } = await begin(url);
      const writing = call(url, '/slow', { token, method: 'POST' });
      await slow.arrived;
      await spoil(key);
      slow.open();
      const answer = await writing;
      if (WRITABLE.has(name)) {
        expect(answer.status).toBe(201);
        expect((await call(url, '/views', { token })).json()).toEqual({ views: 99 });
      } else {
        expect(answer.status).toBe(401);
        expect(answer.json()).toMatchObject({ code: 'SESSION_ENDED' });
        expect((await call(url, '/views', { token })).json()).toEqual({ views: 0 });
      }
    });

    it.each(Object.entries(GARBAGE))('%s: a logout finds no session, and the key is gone', async (_name, spoil) => {
      const { url } = await start();
      const { token, key } = await begin(url);
      await spoil(key);
      const answer = await call(url, '/session', { token, method: 'DELETE' });
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'SESSION_ENDED' });
      await isGone(key);
    });

    it.each(['SET', 'RPUSH'])(
      'S53: another type (%s) in the place of the index: the login is a 503, nothing is stored, others go on',
      async (command) => {
        const { url, events } = await start();
        await server.ask(command, INDEX, 'text');
        const answer = await call(url, '/login', { method: 'POST' });
        expect([answer.status, answer.token]).toEqual([503, undefined]);
        expect(answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
        expect(events).toContainEqual({
          type: 'store_failed',
          operation: 'users.add',
          reason: expect.stringContaining('WRONGTYPE'),
        });
        expect((await server.ask('KEYS', 'session:*')) as string[]).not.toContainEqual(
          expect.stringMatching(/^session:[\w-]{43}$/),
        );
        expect((await call(url, '/views', { method: 'POST' })).status).toBe(201);

        await server.ask('DEL', INDEX);
        expect((await call(url, '/login', { method: 'POST' })).status).toBe(201);
      },
    );

    it('S53: text in the place of the index: signing out everywhere is a 503 and not a success', async () => {
      const { url } = await start();
      await server.ask('SET', INDEX, 'text');
      expect((await call(url, '/logout-everywhere', { method: 'POST' })).status).toBe(503);
    });
  },
);
