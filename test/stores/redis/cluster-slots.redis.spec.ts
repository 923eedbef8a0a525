import { randomBytes } from 'node:crypto';
import type { SessionRecord } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeClients, CLUSTER_CLIENTS, type ClusterClientKind } from '../../support/redis/clients.js';
import { ClusterSetup, type SlotMove } from '../../support/redis/cluster.js';
import { stopServers } from '../../support/redis/redis-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

failOnUnhandledRejections();

let cluster: ClusterSetup;
let opened = 0;

beforeAll(async () => {
  cluster = await ClusterSetup.start();
});
afterEach(closeClients);
afterAll(stopServers);

const newId = (): string => randomBytes(32).toString('base64url');

const record = (payload: string, version: string): SessionRecord => ({
  payload,
  version,
  startedAt: Date.now(),
  usedAt: Date.now(),
  idleTimeout: 60_000,
  absoluteTimeout: 600_000,
});

/** A store whose keys lie in one slot, all of them, and what moves that slot to another master. */
async function storeInOneSlot({ connect }: ClusterClientKind): Promise<{ store: RedisStore; move: SlotMove }> {
  const { client } = await connect(cluster.rootNodes());
  const tag = `{test${++opened}}`;
  const store = new RedisStore({ client, prefix: `${tag}:` });
  const from = await cluster.nodeOf(tag);
  const to = (await cluster.masters()).find((master) => master !== from);
  if (to === undefined) throw new Error('No other master');
  for (const node of [from, to]) await node.ask('SCRIPT', 'FLUSH');
  return { store, move: await cluster.slotMove(tag, to) };
}

describe.each(CLUSTER_CLIENTS)('a slot that moves, $name', (kind) => {
  it('F71: ASK, MOVED and NOSCRIPT of the other node are no fault of any operation on a record', async () => {
    const { store, move } = await storeInOneSlot(kind);
    const [old, changing, ended] = [newId(), newId(), newId()];
    for (const id of [old, changing, ended]) await store.create(id, record('a', '0'));

    let version = 0;
    const all = async (): Promise<void> => {
      expect(await store.load(old)).toMatchObject({ payload: 'a' });
      expect(await store.touch(old, record('a', '0'))).toBe(true);
      const next = record(`${++version}`, `${version}`);
      expect(await store.update(changing, next, `${version - 1}`)).toEqual({ status: 'updated' });
      expect(await store.update(changing, next, 'other')).toEqual({ status: 'updated' });
      expect(await store.update(changing, record('b', 'b'), 'other')).toMatchObject({
        status: 'conflict',
        current: { payload: `${version}` },
      });
      const fresh = newId();
      expect(await store.load(fresh)).toBeUndefined();
      expect(await store.update(fresh, next, '0')).toEqual({ status: 'missing' });
      expect(await store.touch(fresh, next)).toBe(false);
      expect(await store.create(fresh, record('c', 'c'))).toBe(true);
      expect(await store.create(fresh, record('d', 'd'))).toBe(false);
      expect(await store.destroy(fresh)).toMatchObject({ payload: 'c' });
      expect(await store.destroy(fresh)).toBeUndefined();
      expect(await store.load(fresh)).toBeUndefined();
    };
    await all();
    await move.begin();
    await all();
    // Some keys here, some there: for as long as it takes.
    await move.moveKeys(1);
    await all();
    await move.moveKeys(1);
    await all();
    await move.moveKeys();
    await all();
    await move.finish();
    await all();
    expect(await store.destroy(ended)).toMatchObject({ payload: 'a' });
    expect(await store.count()).toBe(2);
    await store.clear();
    expect(await store.count()).toBe(0);
  });

  it('F71: nor of any operation on a user, and those of a user who is not there yet', async () => {
    const { store, move } = await storeInOneSlot(kind);
    const { users } = store;
    const [kept, revoked] = [newId(), newId()];
    for (const id of [kept, revoked]) {
      await users.add('ada', id, 60_000, {});
      expect(await users.settle('ada', id, 60_000)).toBe(true);
    }
    expect(await users.revoke('ada', { only: revoked })).toEqual([revoked]);

    const all = async (): Promise<void> => {
      expect(await users.list('ada')).toEqual([{ id: kept, settled: true }]);
      expect(await users.list('nobody')).toEqual([]);
      const fresh = newId();
      for (const [userId, id] of [
        ['ada', fresh],
        [fresh, fresh],
      ] as const) {
        expect(await users.add(userId, id, 60_000, {})).toMatchObject({ added: true });
        expect(await users.settle(userId, id, 60_000)).toBe(true);
        expect(await users.revoke(userId, { only: id })).toEqual([id]);
        expect(await users.settle(userId, id, 60_000)).toBe(false);
        await users.remove(userId, [id]);
      }
      expect(await users.revoke('ada', { only: revoked })).toEqual([revoked]);
    };
    await all();
    await move.begin();
    await all();
    await move.moveKeys();
    await all();
    await move.finish();
    await all();
  });
});
