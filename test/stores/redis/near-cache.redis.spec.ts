import { isDeepStrictEqual } from 'node:util';
import type { SessionRecord } from 'nestjs-token-session';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { countCommands } from '../../support/redis/counting.js';
import {
  closeNodes,
  haveNear,
  idOf,
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
const key = prefix + id;

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

function byHand(...words: (string | number)[]): () => Promise<undefined> {
  return async () => {
    await server.ask(...words);
    return undefined;
  };
}

function next(record: SessionRecord, changes: Partial<SessionRecord> = {}): SessionRecord {
  return { ...recordAt(record.startedAt), ...changes };
}

describe.each(CLIENTS)('the near cache with $name', ({ connect }) => {
  const open = async (options: Partial<Parameters<typeof nearNode>[1]> = {}): Promise<NearNode> =>
    nearNode(await connect(server.url), { prefix, ...options });

  it('a hit costs no command and no wait, and is what the server has', async () => {
    const node = await open();
    const record = await haveNear([node], id, recordAt(Date.now(), { userId: 'ada' }));
    const commands = await countCommands(server, async () => {
      for (let i = 0; i < 100; i++) expect(node.store.load(id)).toEqual(record);
    });
    expect(commands).toEqual([]);
  });

  const elsewhere: Record<string, (other: NearNode, record: SessionRecord) => Promise<SessionRecord | undefined>> = {
    update: async ({ store }, record) => {
      const changed = next(record);
      expect(await store.update(id, changed, record.version)).toEqual({ status: 'updated' });
      return changed;
    },
    touch: async ({ store }, record) => {
      const touched = { ...record, usedAt: record.usedAt + 1 };
      expect(await store.touch(id, touched)).toBe(true);
      return touched;
    },
    destroy: async ({ store }, record) => {
      expect(await store.destroy(id)).toEqual(record);
      return undefined;
    },
    clear: async ({ store }) => {
      await store.clear();
      return undefined;
    },
    // Time enough to have it near at hand again: then the expiry itself has to be told of.
    expiry: byHand('PEXPIRE', key, 50),
    DEL: byHand('DEL', key),
    RENAME: byHand('RENAME', key, 'elsewhere'),
    FLUSHALL: byHand('FLUSHALL'),
    FLUSHDB: byHand('FLUSHDB', 'ASYNC'),
  };

  it.each(Object.keys(elsewhere))('ASVS 7.4.1, F73: %s elsewhere drops the record here', async (change) => {
    const [here, other] = [await open(), await open()];
    const record = await haveNear([here, other], id);
    const left = await elsewhere[change]?.(other, record);
    await until('the change', async () => isDeepStrictEqual(await here.store.load(id), left));
  });

  it('law 6: what this node changed is seen at once, thousands of times', async () => {
    const [node, noise] = [await open(), await open()];
    let record = await haveNear([node, noise], id);
    let hits = 0;
    for (let round = 0; round < 500; round++) {
      // The other node reads as well, so that messages are on their way all the time.
      const read = noise.store.load(id);
      if (nearBy(node.store, id) !== undefined) hits++;
      const changed = next(record);
      expect(await node.store.update(id, changed, record.version)).toEqual({ status: 'updated' });
      expect(await node.store.load(id)).toEqual(changed);
      const usedAt = changed.usedAt + 1;
      expect(await node.store.touch(id, { ...changed, usedAt })).toBe(true);
      expect(await node.store.load(id)).toEqual({ ...changed, usedAt });
      await node.store.destroy(id);
      expect(await node.store.load(id)).toBeUndefined();
      record = recordAt(Date.now());
      expect(await node.store.create(id, record)).toBe(true);
      expect(await node.store.load(id)).toEqual(record);
      await read;
    }
    expect(hits).toBeGreaterThan(0);
  });
});
