import { createClientPool as createClientPool6, createSentinel as createSentinel6 } from 'redis';
import { createClientPool as createClientPool5, createSentinel as createSentinel5 } from 'redis-5';
import { RedisStore, type RedisClient } from 'nestjs-token-session/redis';
import { CLIENTS, closeClients, type ClientOptions } from '../../support/redis/clients.js';
import {
  closeNodes,
  haveNear,
  idOf,
  isNear,
  nearBy,
  nearNode,
  recordAt,
  type NearNode,
} from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const prefix = 'near:';
const id = idOf('a');

let server: RedisServer;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  await server.ask('FLUSHALL');
});
afterEach(async () => {
  closeNodes();
  await closeClients();
});
afterAll(stopServers);

describe.each(CLIENTS)('the near cache beside clients of $name', ({ name, family, connect }) => {
  async function open(options: ClientOptions = {}): Promise<NearNode> {
    return nearNode(await connect(server.url, options), { prefix });
  }

  it('BAR 13.2.2: where tracking is forbidden it works without, says why, and uses it once it is allowed', async () => {
    await server.ask('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking');
    const node = nearNode(await connect(`redis://app:secret@127.0.0.1:${server.port}`), { prefix });
    const record = recordAt(Date.now());
    expect(await node.store.create(id, record)).toBe(true);
    await until('a notice', () => node.notices.length > 0);
    expect(nearBy(node.store, id)).toBeUndefined();
    expect(await node.store.load(id)).toEqual(record);
    expect(node.notices).toEqual([expect.stringMatching(/told of changes again: NOPERM .*tracking/i)]);
    await server.ask('ACL', 'SETUSER', 'app', '+client|tracking');
    await isNear(node.store, id);
    expect(node.notices.slice(1)).toEqual(['The near cache is in use again.']);
  });

  const options: Record<string, ClientOptions> =
    family === 'ioredis'
      ? {
          'a key prefix': { keyPrefix: 'app:{1}*' },
          'another database': { db: 3 },
          'pipelining by itself': { enableAutoPipelining: true, stringNumbers: true },
          'no queue': { enableOfflineQueue: false, lazyConnect: true },
          'reconnecting on errors': { reconnectOnError: () => 2, autoResubscribe: true },
          ...(name === 'ioredis 6' ? { RESP3: { protocol: 3 } } : {}),
        }
      : {
          RESP2: { RESP: 2 },
          RESP3: { RESP: 3 },
          'another database': { database: 3 },
          'numbers as text': { RESP: 3, commandOptions: { typeMapping: { 58: String } } },
          'no queue': { disableOfflineQueue: true },
          ...(name === 'node-redis 6' ? { 'a key prefix': { keyPrefix: 'app:{1}*' } } : {}),
        };

  it.each(Object.keys(options))('a client with %s', async (option) => {
    const [node, other] = [await open(options[option]), await open(options[option])];
    const record = await haveNear([node, other], id);
    const changed = recordAt(record.startedAt);
    await other.store.update(id, changed, record.version);
    await until('the change', async () => (await node.store.load(id))?.version === changed.version);
    expect(await node.store.destroy(id)).toEqual(changed);
    await until('the destroy', async () => (await other.store.load(id)) === undefined);
    expect([node.notices, other.notices]).toEqual([[], []]);
  });
});

describe('clients of node-redis that can not open connections for it', () => {
  it.each([
    [
      'createSentinel',
      '5',
      (): RedisClient => createSentinel5({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }),
    ],
    [
      'createSentinel',
      '6',
      (): RedisClient => createSentinel6({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }),
    ],
    ['createClientPool', '5', (): RedisClient => createClientPool5({})],
    ['createClientPool', '6', (): RedisClient => createClientPool6({})],
  ])('%s of node-redis %s with nearCache is INVALID_OPTION at construction', (_name, _version, create) => {
    const client = create();
    expect(() => new RedisStore({ client, nearCache: true })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('nearCache') as unknown }),
    );
    expect(() => new RedisStore({ client, nearCache: false })).not.toThrow();
  });
});
