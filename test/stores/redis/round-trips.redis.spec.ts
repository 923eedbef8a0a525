import { Controller, Get, Post } from '@nestjs/common';
import { Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { TestClock } from '../../support/clock.js';
import { PLATFORMS } from '../../support/platforms.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { commandsDuring } from '../../support/redis/counting.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

/** Well-formed, and of no session. */
const UNKNOWN = 'A'.repeat(43);

@Controller()
class CostController {
  constructor(private readonly sessions: SessionService) {}

  @Get('plain') plain(): string {
    return 'plain';
  }

  @Get('read') read(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('change') change(@Session() sess: Session<Data>): void {
    sess['count'] = ((sess['count'] as number | undefined) ?? 0) + 1;
  }

  @Post('update') update(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.update(sess, (draft) => (draft['count'] = 7));
  }

  @Post('destroy') destroy(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('regenerate') async regenerate(@Session() sess: Session<Data>): Promise<void> {
    await this.sessions.regenerate(sess);
  }

  @Post('login') async login(@Session() sess: Session<Data>): Promise<void> {
    await this.sessions.login(sess, 'ada');
  }

  @Get('list') async list(): Promise<number> {
    return (await this.sessions.list('ada')).length;
  }

  @Post('logout-everywhere') async logoutEverywhere(): Promise<void> {
    await this.sessions.destroyAll('ada');
  }
}

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.ask('FLUSHALL'));
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);
failOnUnhandledRejections();

// What each driver sends for one operation is in redis-records.redis.spec.ts.
const DRIVERS = CLIENTS.filter(({ name }) => ['node-redis 6', 'ioredis 6'].includes(name));
const WHERE = PLATFORMS.flatMap((platform) => DRIVERS.map((client) => ({ platform, client })));

describe.each(WHERE)('section 5: round trips to Redis, $platform with $client.name', ({ platform, client: kind }) => {
  let url: string;

  async function begin(session: SessionOptions = {}): Promise<void> {
    const store = new RedisStore({ client: (await kind.connect(server.url)).client });
    ({ url } = await startApp(platform, { controllers: [CostController], session: { store, ...session } }));
    // Once each, so that the server has all scripts.
    await store.touch(UNKNOWN, { startedAt: 0, usedAt: 0, idleTimeout: 0, absoluteTimeout: 0 });
    const first = await tokenOf('change');
    const second = (await call(url, '/login', { method: 'POST', token: first })).token as string;
    await call(url, '/change', { method: 'POST', token: second });
    const third = (await call(url, '/regenerate', { method: 'POST', token: second })).token as string;
    await call(url, '/destroy', { method: 'POST', token: third });
    await call(url, '/login', { method: 'POST' });
    await call(url, '/list');
    await call(url, '/logout-everywhere', { method: 'POST' });
    await server.ask('DEL', ...((await server.ask('KEYS', '*')) as string[]));
  }

  /** A new session by that request. */
  async function tokenOf(path: string): Promise<string> {
    return (await call(url, `/${path}`, { method: 'POST' })).token as string;
  }

  /** The commands of one request: `GET session`, `EVALSHA index`. */
  async function cost(method: 'GET' | 'POST', path: string, token?: string): Promise<string[]> {
    const commands = await commandsDuring(server, async () => {
      expect((await call(url, `/${path}`, { method, token })).status).toBeLessThan(300);
      // What runs beside the answer has been sent by now; this is answered after it.
      await call(url, '/read', { token: UNKNOWN });
    });
    const own = commands.map(([name, ...words]) => {
      const key = words.find((word) => word.startsWith('session:')) as string;
      return `${name as string} ${/^session:[\w-]{43}$/.test(key) ? 'session' : 'index'}`;
    });
    expect(own.pop()).toBe('GET session');
    return own;
  }

  it('no token: 0; one that is malformed: 0; nothing to end: 0', async () => {
    await begin();
    expect(await cost('GET', 'plain')).toEqual([]);
    expect(await cost('GET', 'read')).toEqual([]);
    expect(await cost('GET', 'read', '../../etc/passwd')).toEqual([]);
    expect(await cost('POST', 'destroy')).toEqual([]);
  });

  it('read: 1; also by a token that names nothing, and by a route that does not look', async () => {
    await begin();
    const token = await tokenOf('change');
    expect(await cost('GET', 'read', token)).toEqual(['GET session']);
    expect(await cost('GET', 'read', UNKNOWN)).toEqual(['GET session']);
    expect(await cost('GET', 'plain', token)).toEqual(['GET session']);
  });

  it('new: 1; changed: 2; destroyed: 2', async () => {
    await begin();
    expect(await cost('POST', 'change')).toEqual(['SET session']);
    const token = await tokenOf('change');
    expect(await cost('POST', 'change', token)).toEqual(['GET session', 'EVALSHA session']);
    expect(await cost('POST', 'update', token)).toEqual(['GET session', 'EVALSHA session']);
    expect(await cost('POST', 'destroy', token)).toEqual(['GET session', 'EVALSHA session']);
  });

  it('regenerated: load, create, tombstone', async () => {
    await begin();
    const token = await tokenOf('change');
    expect(await cost('POST', 'regenerate', token)).toEqual(['GET session', 'SET session', 'EVALSHA session']);
  });

  it('touch: 0 for a tenth of the idle timeout, then 1', async () => {
    const clock = new TestClock();
    await begin({ clock: clock.now });
    const token = await tokenOf('change');
    clock.advance(3 * MINUTE - 1);
    expect(await cost('GET', 'read', token)).toEqual(['GET session']);
    clock.advance(1);
    expect(await cost('GET', 'read', token)).toEqual(['GET session', 'EVALSHA session']);
    expect(await cost('GET', 'read', token)).toEqual(['GET session']);
  });

  it('touch, amortised: 10 in the 60 requests of half an hour', async () => {
    const clock = new TestClock();
    await begin({ clock: clock.now });
    const token = await tokenOf('change');
    const commands = await commandsDuring(server, async () => {
      for (let request = 0; request < 60; request++) {
        clock.advance(MINUTE / 2);
        await call(url, '/read', { token });
      }
      await call(url, '/read', { token: UNKNOWN });
    });
    expect(commands.filter(([name]) => name === 'EVALSHA')).toHaveLength(10);
    expect(commands).toHaveLength(71);
  });

  it('users: what signing in and out costs', async () => {
    await begin();
    const anonymous = await tokenOf('change');
    const signedIn = await tokenOf('login');
    const costs = {
      'login without a session': await cost('POST', 'login'),
      'login in the place of an anonymous session': await cost('POST', 'login', anonymous),
      'login once more': await cost('POST', 'login', signedIn),
    };
    await call(url, '/logout-everywhere', { method: 'POST' });
    const token = await tokenOf('login');
    expect({
      ...costs,
      read: await cost('GET', 'read', token),
      changed: await cost('POST', 'change', token),
      'list of 1': await cost('GET', 'list'),
      logout: await cost('POST', 'destroy', token),
      'logout everywhere of 3': await logoutOf(3),
      'logout everywhere of none': await cost('POST', 'logout-everywhere'),
    }).toEqual({
      // entry, record, settled
      'login without a session': ['EVALSHA index', 'SET session', 'EVALSHA index'],
      // … and the tombstone of the one that it replaces
      'login in the place of an anonymous session': [
        'GET session',
        'EVALSHA index',
        'SET session',
        'EVALSHA index',
        'EVALSHA session',
      ],
      'login once more': ['GET session', 'EVALSHA index', 'SET session', 'EVALSHA session', 'EVALSHA index'],
      read: ['GET session'],
      changed: ['GET session', 'EVALSHA session'],
      'list of 1': ['EVALSHA index', 'GET session'],
      logout: ['GET session', 'EVALSHA session', 'EVALSHA index'],
      'logout everywhere of 3': [
        'EVALSHA index',
        'EVALSHA session',
        'EVALSHA session',
        'EVALSHA session',
        'EVALSHA index',
      ],
      'logout everywhere of none': ['EVALSHA index'],
    });
  });

  async function logoutOf(sessions: number): Promise<string[]> {
    for (let number = 0; number < sessions; number++) await tokenOf('login');
    return cost('POST', 'logout-everywhere');
  }
});
