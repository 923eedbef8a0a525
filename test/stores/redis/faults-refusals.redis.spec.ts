import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionService } from 'nestjs-token-session';
import { closeApps } from '../../support/app.js';
import { closeClients } from '../../support/redis/clients.js';
import { PLACES, RedisApp, UNAVAILABLE } from '../../support/redis/redis-app.js';
import { freePort, RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { Wire } from '../../support/redis/wire.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const READ = { status: 201, token: undefined, says: { written: true } };
const ENDED = { status: 201, token: undefined, says: {} };
const LOGGED_OUT = { status: 201, token: '', says: null };

let server: RedisServer;
/** A connection of the test's own, from before the fault. */
let wire: Wire;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  wire = await Wire.open(server.port);
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  await wire.call('FLUSHALL');
  wire.close();
});
afterAll(stopServers);

describe.each(PLACES)('a Redis that refuses, $name on $platform', ({ platform, connect }) => {
  let app: RedisApp;
  let token: string;

  beforeEach(async () => {
    app = await RedisApp.start(platform, (await connect(server.url)).client, { storeTimeout: '5s' });
    token = await app.visit();
    app.events.length = 0;
  });

  const works = (): Promise<boolean> =>
    until(
      'a session',
      async () => (await app.run('write')).status === 201 && (await app.run('count', token)).says === 1,
    );

  /** Whatever writes is refused and told so; nobody gets a token. */
  async function refusesWrites(): Promise<void> {
    for (const operation of ['count', 'login']) {
      expect([operation, await app.run(operation, token)]).toEqual([operation, UNAVAILABLE]);
    }
    expect(await app.run('write')).toEqual(UNAVAILABLE);
    expect(app.tally()).toMatchObject({ store_failed: expect.any(Number) as number });
  }

  it('F71, F77, F78: READONLY', async () => {
    await wire.call('REPLICAOF', '127.0.0.1', await freePort());
    try {
      await refusesWrites();
      expect(await app.run('read', token)).toEqual(READ);
      expect(await app.run('logout', token)).toEqual(UNAVAILABLE);
      // Told also where the handler takes no notice, for which the session is dead.
      expect(await app.run('logout-and-look', token)).toEqual(UNAVAILABLE);
      expect(app.looked).toEqual({ outcomes: ['STORE_UNAVAILABLE', 'SESSION_DESTROYED'], session: undefined });
    } finally {
      await wire.call('REPLICAOF', 'NO', 'ONE');
    }
    expect(await app.run('read', token)).toEqual(READ);
    expect(await works()).toBe(true);
    expect(app.tally().store_recovered).toBeGreaterThan(0);
    expect(await app.run('logout', token)).toEqual(LOGGED_OUT);
  });

  it('F71: OOM with noeviction; reading and every way to sign out go on, also with a script that has to be sent', async () => {
    const ada = (await app.run('login')).token as string;
    await wire.call('CONFIG', 'SET', 'maxmemory', '1mb');
    try {
      await refusesWrites();
      expect(await app.run('read', token)).toEqual(READ);
      await wire.call('SCRIPT', 'FLUSH');
      expect(await app.run('logout', token)).toEqual(LOGGED_OUT);
      expect(await app.run('read', token)).toEqual(ENDED);
      await wire.call('SCRIPT', 'FLUSH');
      expect(await app.running.get(SessionService).destroyAll('ada')).toBe(1);
      expect(await app.run('read', ada)).toEqual(ENDED);
      expect(await app.store.users.list('ada')).toEqual([]);
    } finally {
      await wire.call('CONFIG', 'SET', 'maxmemory', '0');
    }
    token = await app.visit();
    expect(await works()).toBe(true);
  });

  it('F71: NOPERM', async () => {
    await wire.call('ACL', 'SETUSER', 'default', '-evalsha', '-set');
    try {
      await refusesWrites();
      expect(await app.run('read', token)).toEqual(READ);
    } finally {
      await wire.call('ACL', 'SETUSER', 'default', '+@all');
    }
    expect(await works()).toBe(true);
  });

  it('F71: MISCONF, when snapshots fail', async () => {
    const dump = join(server.dir, 'dump.rdb');
    await rm(dump, { force: true });
    await mkdir(join(dump, 'in-the-way'), { recursive: true });
    await wire.call('CONFIG', 'SET', 'save', '3600 1');
    try {
      await wire.call('BGSAVE');
      await until('a failed snapshot', async () => (await server.info('rdb_last_bgsave_status')) === 'err');
      await refusesWrites();
      expect(await app.run('read', token)).toEqual(READ);
    } finally {
      await rm(dump, { recursive: true });
      await wire.call('CONFIG', 'SET', 'save', '');
    }
    expect(await works()).toBe(true);
  });

  it('F73: FLUSHALL signs out, and is no error', async () => {
    const ada = (await app.run('login', token)).token as string;
    await wire.call('FLUSHALL');
    expect(await app.run('read', ada)).toEqual(ENDED);
    expect(await app.run('logout', ada)).toMatchObject({ status: 201 });
    const again = await app.run('login', ada);
    expect(again).toMatchObject({ status: 201, token: expect.stringMatching(/^[\w-]{43}$/) as string });
    expect(await app.store.users.list('ada')).toHaveLength(1);
    expect(app.tally()).toMatchObject({ token_unknown: expect.any(Number) as number });
    expect(app.tally().store_failed).toBeUndefined();
  });
});
