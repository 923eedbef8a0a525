import type { Awaitable, SessionRecord } from 'nestjs-token-session';
import { TestClock } from '../../support/clock.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import {
  channelsThrough,
  closeNodes,
  haveNear,
  idOf,
  nearBy,
  nearNode,
  recordAt,
  type NearNode,
} from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const prefix = 'near:';
const id = idOf('a');
const MARK = idOf('mark');
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
  closeProxies();
});
afterAll(stopServers);

/** As long as nothing but a message of the server drops a record, that is what is waited for. */
async function drops({ store }: NearNode): Promise<void> {
  await until('the record to be dropped', () => nearBy(store, id) === undefined);
}

async function countedGets(): Promise<string | undefined> {
  return /^cmdstat_get:calls=(\d+)/m.exec(String(await server.ask('INFO', 'commandstats')))?.[1];
}

function next(record: SessionRecord, changes: Partial<SessionRecord> = {}): SessionRecord {
  return { ...recordAt(record.startedAt), ...changes };
}

describe.each(CLIENTS)('races of the near cache with $name', ({ connect }) => {
  const open = async (options: Partial<Parameters<typeof nearNode>[1]> = {}): Promise<NearNode> =>
    nearNode(await connect(server.url), { prefix, ...options });

  it('law 6: loads that run beside a change keep nothing that it replaced', async () => {
    const node = await open();
    let record = await haveNear([node], id);
    for (let round = 0; round < 300; round++) {
      const changed = next(record);
      const before = [node.store.load(id), node.store.load(id)];
      const update = node.store.update(id, changed, record.version);
      const beside = [node.store.load(id), node.store.load(id)];
      await update;
      expect(await node.store.load(id)).toEqual(changed);
      await Promise.all([...before, ...beside]);
      expect(await node.store.load(id)).toEqual(changed);
      record = changed;
    }
  });

  describe('a load under way while the record changes elsewhere', () => {
    /** The load's GET was carried out, and its reply is held back; then the record was changed. */
    async function changedMeanwhile(): Promise<{
      node: NearNode;
      other: NearNode;
      replies: TcpProxy;
      messages: TcpProxy;
      loading: Awaitable<SessionRecord | undefined>;
      before: SessionRecord;
      after: SessionRecord;
    }> {
      const [replies, messages] = [await TcpProxy.start(server), await TcpProxy.start(server)];
      const connected = await connect(replies.url);
      channelsThrough(connected, messages);
      const [node, other] = [nearNode(connected, { prefix }), await open()];
      await haveNear([node], MARK);
      const before = recordAt(Date.now());
      expect(await other.store.create(id, before)).toBe(true);
      const gets = await countedGets();
      replies.stallReplies();
      const loading = node.store.load(id);
      await until('the GET to be carried out', async () => (await countedGets()) !== gets);
      messages.stallReplies();
      const after = next(before);
      expect(await other.store.update(id, after, before.version)).toEqual({ status: 'updated' });
      return { node, other, replies, messages, loading, before, after };
    }

    it('R58: the message comes before the answer: the answer is not kept', async () => {
      const { node, other, replies, messages, loading, before, after } = await changedMeanwhile();
      // Messages come in order: when the second one is here, so is the first.
      await other.store.destroy(MARK);
      messages.resume();
      await until('the messages', () => nearBy(node.store, MARK) === undefined);
      replies.resume();
      expect(await loading).toEqual(before);
      expect(nearBy(node.store, id)).toBeUndefined();
      expect(await node.store.load(id)).toEqual(after);
    });

    it('R58: the answer comes before the message: it is dropped then', async () => {
      const { node, replies, messages, loading, before, after } = await changedMeanwhile();
      replies.resume();
      expect(await loading).toEqual(before);
      expect(nearBy(node.store, id)).toEqual(before);
      messages.resume();
      await drops(node);
      expect(await node.store.load(id)).toEqual(after);
    });
  });

  it('law 6: what this node creates is seen at once, while the message that ends an older record is under way', async () => {
    const messages = await TcpProxy.start(server);
    const connected = await connect(server.url);
    channelsThrough(connected, messages);
    const node = nearNode(connected, { prefix });
    await haveNear([node], id);
    messages.stallReplies();
    await server.ask('DEL', key);
    const second = recordAt(Date.now());
    expect(await node.store.create(id, second)).toBe(true);
    expect(await node.store.load(id)).toEqual(second);
  });

  it('law 8: a touch elsewhere whose message is under way does not end the session here', async () => {
    const clock = new TestClock();
    const messages = await TcpProxy.start(server);
    const connected = await connect(server.url);
    channelsThrough(connected, messages);
    const here = nearNode(connected, { prefix, now: clock.now });
    const other = await open({ now: clock.now });
    const record = await haveNear([here, other], id, recordAt(clock.now(), { idleTimeout: 60_000 }));
    messages.stallReplies();
    clock.advance(59_000);
    const touched = { ...record, usedAt: clock.now() };
    expect(await other.store.touch(id, touched)).toBe(true);
    clock.advance(2_000);
    expect(await here.store.load(id)).toEqual(touched);
  });
});
