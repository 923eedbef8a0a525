import { randomBytes } from 'node:crypto';
import { Controller, Inject, Post } from '@nestjs/common';
import { Session, SessionService, type SessionRecord } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { PLATFORMS } from '../../support/platforms.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { commandsDuring } from '../../support/redis/counting.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const HOUR = 3_600_000;

@Controller()
class LoginController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('login')
  async login(@Session() sess: Session): Promise<void> {
    await this.sessions.login(sess, 'ada');
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

const newId = (): string => randomBytes(32).toString('base64url');

function newRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  const times = { startedAt: now, usedAt: now, idleTimeout: HOUR, absoluteTimeout: HOUR };
  return { payload: '1\n{}', version: newId(), ...times, ...changes };
}

const keys = async (): Promise<string[]> => ((await server.ask('KEYS', '*')) as string[]).sort();

/** A session and a user's entry. */
async function fill(store: RedisStore): Promise<string> {
  const id = newId();
  await store.create(id, newRecord({ userId: 'ada' }));
  await store.users.add('ada', id, HOUR, {});
  return id;
}

describe.each(CLIENTS)('keys in Redis, $name', ({ family, connect }) => {
  const open = async (prefix?: string, options?: Record<string, unknown>): Promise<RedisStore> => {
    const { client } = await connect(server.url, options);
    return new RedisStore({ client, ...(prefix !== undefined && { prefix }) });
  };

  it('all begin with session:, unless another prefix is given', async () => {
    const id = await fill(await open());
    expect(await keys()).toEqual([`session:${id}`, 'session:by-user:ada'].sort());
    await server.ask('FLUSHALL');
    const other = await fill(await open('shop:'));
    expect(await keys()).toEqual([`shop:${other}`, 'shop:by-user:ada'].sort());
  });

  // What a glob, a cluster, a driver or a script could take for something of its own.
  it.each(['*', 'a?c:', '[ab]:', '[^a]:', 'a\\', '\\*', 'a-z:', '{tag}', 'ü\u{1f600}:', ' ', '"', 'user:', '%d'])(
    'the prefix %j: sessions of other prefixes are neither counted nor removed',
    async (prefix) => {
      const store = await open(prefix);
      const near = await Promise.all(
        ['', 'abc:', 'a:', 'b:', 'axc:', '\\', 'session:', '*', 'z', 'x'].map((one) => open(`${one}~`)),
      );
      for (const one of near) await fill(one);
      const others = await keys();
      const id = await fill(store);
      expect((await store.load(id))?.userId).toBe('ada');
      expect(await store.count()).toBe(1);
      await store.clear();
      expect(await keys()).toEqual(others);
    },
  );

  it('keys of others with the same prefix are neither counted nor removed', async () => {
    const store = await open('app:');
    const strangers = [
      'app:',
      'app:config',
      'app:user',
      'app:user:1:profile',
      'app:user:ada',
      'app:users',
      `app:${newId()}x`,
      `app:x:${newId()}`,
      newId(),
    ];
    for (const key of [...strangers, `xapp:${newId()}`]) await server.ask('SET', key, 'mine');
    const others = await keys();
    for (let n = 0; n < 3; n++) await fill(store);
    expect(await store.count()).toBe(3);
    await store.clear();
    expect(await store.count()).toBe(0);
    expect(await keys()).toEqual(others);
  });

  it('an empty database: nothing to count, nothing to clear', async () => {
    const store = await open();
    expect(await store.count()).toBe(0);
    await store.clear();
  });

  it('7.4.5: clear() removes the index of users too, odd user ids included', async () => {
    const store = await open();
    for (const user of ['ada', 'a}b', '*', 'a b', '\u{1f600}', 'a:marks', '{']) {
      const id = newId();
      await store.users.add(user, id, HOUR, {});
      await store.users.revoke(user, { except: undefined });
      await store.users.add(user, newId(), HOUR, {});
    }
    expect(await keys()).toHaveLength(7);
    await store.clear();
    expect(await keys()).toEqual([]);
  });

  if (family === 'ioredis') {
    it('the keyPrefix of the driver comes before ours, for every operation', async () => {
      const stranger = newRecord();
      const plain = await open('s:');
      const id = newId();
      await plain.create(id, stranger);
      const store = await open('s:', { keyPrefix: 'my*[app]:' });
      const mine = await fill(store);
      expect(await keys()).toEqual([`my*[app]:s:${mine}`, 'my*[app]:s:by-user:ada', `s:${id}`].sort());
      expect(await store.load(id)).toBeUndefined();
      const record = (await store.load(mine)) as SessionRecord;
      expect(await store.update(mine, { ...record, version: 'v2' }, record.version)).toEqual({ status: 'updated' });
      expect(await store.touch(mine, record)).toBe(true);
      expect(await store.users.list('ada')).toEqual([{ id: mine, settled: false }]);
      expect(await store.count()).toBe(1);
      await store.clear();
      expect(await keys()).toEqual([`s:${id}`]);
    });
  }
});

describe.each(PLATFORMS)('what Redis is told, on %s', (platform) => {
  it('ASVS 11.2.4: no token is in any key, value or command', async () => {
    const { client } = await (CLIENTS[1] as (typeof CLIENTS)[number]).connect(server.url);
    const { url } = await startApp(platform, {
      controllers: [CounterController, LoginController],
      session: { store: new RedisStore({ client }), clock: Date.now },
    });
    const tokens: string[] = [];
    const send = async (method: string, path: string): Promise<void> => {
      const { token } = await call(url, path, { method, token: tokens.at(-1) });
      if (token) tokens.push(token);
    };
    const commands = await commandsDuring(server, async () => {
      for (const path of ['/views', '/login', '/renew', '/views', '/login', '/views']) await send('POST', path);
      await send('GET', '/views');
    });
    expect(new Set(tokens).size).toBeGreaterThan(2);
    expect(commands.length).toBeGreaterThan(10);
    const dump = await Promise.all(
      (await keys()).map(async (key) => {
        const type = String(await server.ask('TYPE', key));
        const read = { string: ['GET'], hash: ['HGETALL'], zset: ['ZRANGE', 0, -1] }[type] as [
          string,
          ...(string | number)[],
        ];
        return [key, await server.ask(read[0], key, ...read.slice(1))];
      }),
    );
    expect(dump.length).toBeGreaterThan(3);
    const text = JSON.stringify([dump, commands]);
    for (const token of tokens) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
    }
  });
});
