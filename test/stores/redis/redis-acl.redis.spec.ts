import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionRecord, UserIndex } from 'nestjs-token-session';
import { RedisStore, type RedisClient, type RedisStoreOptions } from 'nestjs-token-session/redis';
import { describeSessionStore, type OpenStore } from 'nestjs-token-session/testing';
import { HeardEndings, hostOf, stopHearing } from '../../support/endings.js';
import { CLIENTS, closeClients, CLUSTER_CLIENTS, type ClientKind } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';

const ID = 'i'.repeat(43);
const OTHER = 'o'.repeat(43);

/** The commands of docs/operations.md: the user first, then what each ability adds. */
const [USER = [], KEYSPACE = [], DRIVER = [], NEAR_CACHE = [], CLUSTER = [], ENDINGS = []] = [
  ...(await readFile(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8')).matchAll(
    /^ACL SETUSER (.*)$/gm,
  ),
].map(([, words = '']) => ['ACL', 'SETUSER', ...words.split(' ')]);
const [, , NAME = ''] = USER;
const PASSWORD = USER.find((word) => word.startsWith('>'))?.slice(1) ?? '';

let server: RedisServer;
const stores: RedisStore[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await stopHearing();
  for (const store of stores.splice(0)) store.close();
  await closeClients();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

/** What a user may call, as the documentation gives it. */
function commands(...grants: string[][]): string[] {
  const words = grants.flat().filter((word) => word.startsWith('+'));
  return [...new Set(words.map((word) => word.slice(1)))];
}

async function grant(...grants: string[][]): Promise<void> {
  // Users and scripts of the test before are gone.
  await server.ask('SCRIPT', 'FLUSH', 'SYNC');
  for (const words of grants) await server.ask(...words);
  await server.ask('ACL', 'LOG', 'RESET');
  await server.ask('CONFIG', 'RESETSTAT');
}

async function connectAs(kind: ClientKind, options: Partial<RedisStoreOptions> = {}): Promise<RedisStore> {
  const { client } = await kind.connect(`redis://${NAME}:${PASSWORD}@127.0.0.1:${server.port}`);
  return attached(client, options);
}

function attached(client: RedisClient, options: Partial<RedisStoreOptions>): RedisStore {
  const store = new RedisStore({ client, ...options });
  stores.push(store);
  store.attach({ now: Date.now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
  return store;
}

/** The commands that ran since `grant`, those in scripts too. */
async function used(): Promise<string[]> {
  const stats = String(await server.ask('INFO', 'commandstats'));
  return [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
    .filter(([, , calls]) => calls !== '0')
    .map(([, name = '']) => name);
}

/** Who was refused what: driver and store may have swallowed it. */
async function refusals(node = server): Promise<string> {
  return JSON.stringify(await node.ask('ACL', 'LOG'));
}

function recordOf(version: string): SessionRecord {
  const now = Date.now();
  return { payload: '1\n{}', version, startedAt: now, usedAt: now, idleTimeout: 60_000, absoluteTimeout: 600_000 };
}

async function useRecords(store: RedisStore): Promise<void> {
  const first = recordOf('v1');
  expect(await store.create(ID, first)).toBe(true);
  expect(await store.create(ID, recordOf('other'))).toBe(false);
  expect(await store.load(ID)).toEqual(first);
  expect(await store.update(ID, recordOf('v2'), 'v1')).toEqual({ status: 'updated' });
  expect(await store.update(ID, recordOf('v3'), 'v1')).toMatchObject({
    status: 'conflict',
    current: { version: 'v2' },
  });
  expect(await store.update(OTHER, recordOf('v1'), 'v0')).toEqual({ status: 'missing' });
  expect(await store.touch(ID, { ...first, usedAt: Date.now() + 1_000 })).toBe(true);
  expect(await store.destroy(ID, 'v1')).toMatchObject({ version: 'v2' });
  expect(await store.destroy(ID)).toMatchObject({ version: 'v2' });
  expect(await store.load(ID)).toBeUndefined();
}

async function useIndex({ users }: { users: UserIndex }): Promise<void> {
  expect(await users.add('ada', ID, 60_000, {})).toEqual({ added: true, revoked: [] });
  expect(await users.settle('ada', ID, 60_000)).toBe(true);
  expect(await users.add('ada', OTHER, 60_000, { replaces: ID })).toEqual({ added: true, revoked: [] });
  expect(await users.settle('ada', OTHER, 60_000)).toBe(true);
  expect(await users.list('ada')).toEqual([{ id: OTHER, settled: true }]);
  expect((await users.add('ada', ID, 60_000, { max: 1, evict: [OTHER] })).revoked).toEqual([OTHER]);
  expect(await users.revoke('ada', { except: undefined })).toEqual(expect.arrayContaining([ID]));
  await users.remove('ada', [ID, OTHER]);
  expect(await users.list('ada')).toEqual([]);
}

it('the documentation has a command for each ability', () => {
  const all = [USER, KEYSPACE, DRIVER, NEAR_CACHE, CLUSTER, ENDINGS];
  expect(all.every((words) => words[2] === 'sessions')).toBe(true);
  expect(commands(USER)).toEqual(expect.arrayContaining(['get', 'set', 'evalsha', 'eval']));
});

describe.each(CLIENTS)('ASVS 13.2.2: a Redis user that may do no more than documented, $name', (kind) => {
  it('can do all that a request needs, and nothing that it may is unused', async () => {
    await grant(USER, DRIVER);
    const store = await connectAs(kind);
    await useRecords(store);
    await useIndex(store);
    expect(await refusals()).toBe('[]');
    const ran = await used();
    expect(commands(USER).filter((command) => !ran.includes(command))).toEqual([]);
  });

  it('counts and clears with two commands more', async () => {
    await grant(USER, DRIVER, KEYSPACE);
    const store = await connectAs(kind);
    await store.create(ID, recordOf('v1'));
    await store.users.add('ada', ID, 60_000, {});
    expect(await store.count()).toBe(1);
    await store.clear();
    expect(await store.count()).toBe(0);
    expect(await refusals()).toBe('[]');
  });

  it('has a near cache with the commands for it', async () => {
    await grant(USER, DRIVER, NEAR_CACHE);
    const store = await connectAs(kind, { nearCache: true });
    await store.create(ID, recordOf('v1'));
    const loadedFromHere = async (): Promise<boolean> => {
      await store.load(ID);
      const before = await gets();
      await store.load(ID);
      return (await gets()) === before;
    };
    await until('a hit in the near cache', loadedFromHere);
    expect(await refusals()).toBe('[]');
  });

  it('is told of ends with two commands more', async () => {
    await grant(USER, DRIVER, ENDINGS);
    const [here, there] = [await connectAs(kind), await connectAs(kind)];
    const heard = await HeardEndings.of(there);
    await useRecords(here);
    await heard.has(ID);
    expect(await refusals()).toBe('[]');
  });

  it('law 6: signs out without the right to publish, and who may not listen is told so once', async () => {
    await grant(
      USER.filter((word) => !['+publish', '&session:ended'].includes(word)),
      DRIVER,
    );
    const store = await connectAs(kind);
    await useRecords(store);
    const host = hostOf();
    store.attach(host);
    const heard = HeardEndings.begin(store);
    await until('a notice', () => host.notices.length > 0);
    expect(host.notices).toEqual([expect.stringMatching(/does not tell of sessions that end.*session:ended: NOPERM/)]);
    expect(heard.told).toEqual([]);
  });

  it('is refused what stands under another prefix, and what the store does not use', async () => {
    await grant(USER, DRIVER);
    const store = await connectAs(kind, { prefix: 'other:' });
    await expect(store.load(ID)).rejects.toThrow('NOPERM');
    await expect(store.create(ID, recordOf('v1'))).rejects.toThrow('NOPERM');
    await expect(store.users.list('ada')).rejects.toThrow(/NOPERM|permission/i);
    await expect(store.clear()).rejects.toThrow('NOPERM');
    await expect(store.count()).rejects.toThrow('NOPERM');
  });
});

async function gets(node = server): Promise<number> {
  return Number(/^cmdstat_get:calls=(\d+)/m.exec(String(await node.ask('INFO', 'commandstats')))?.[1] ?? 0);
}

// The same scripts, whichever driver sends them.
const [one] = CLIENTS.filter(({ name }) => name === 'node-redis 6') as [ClientKind];
const openStore: OpenStore = async ({ key }) => {
  await grant(USER, KEYSPACE, DRIVER);
  const { client } = await one.connect(`redis://${NAME}:${PASSWORD}@127.0.0.1:${server.port}`);
  // What listening needs besides is for a channel of its own, and has tests above.
  return new RedisStore({ client, prefix: `session:${key}:`, endings: false });
};
const capabilities = { resends: true, expiresByItself: true, endings: false };
describeSessionStore('ASVS 13.2.2: Redis, as that user', openStore, capabilities, { describe, it });

describe('ASVS 13.2.2: that user on every node of a Cluster', () => {
  let cluster: ClusterSetup;

  beforeAll(async () => {
    cluster = await ClusterSetup.start();
    for (const node of cluster.nodes) {
      for (const words of [USER, KEYSPACE, DRIVER, NEAR_CACHE, CLUSTER, ENDINGS]) await node.ask(...words);
    }
  });

  it.each(CLUSTER_CLIENTS)('can do all of it with $name', async ({ connect, family }) => {
    const login = { username: NAME, password: PASSWORD };
    const options = family === 'node-redis' ? { defaults: login } : { redisOptions: login };
    const store = attached((await connect(cluster.rootNodes(), options)).client, { nearCache: true });
    const heard = await HeardEndings.of(store);
    await useRecords(store);
    await heard.has(ID);
    await useIndex(store);
    await store.create(ID, recordOf('v1'));
    await until('a hit in the near cache', async () => {
      await store.load(ID);
      const before = await gets(await cluster.nodeOf(`session:${ID}`));
      await store.load(ID);
      return (await gets(await cluster.nodeOf(`session:${ID}`))) === before;
    });
    await store.clear();
    expect(await store.count()).toBe(0);
    for (const node of cluster.nodes) expect(await refusals(node)).toBe('[]');
  });
});
