import { randomInt } from 'node:crypto';
import type { SessionRecord } from 'nestjs-token-session';
import { CLIENTS, closeClients, type ClientKind } from '../../support/redis/clients.js';
import { channelsThrough, closeNodes, haveNear, idOf, nearNode, recordAt } from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

/**
 * Random histories of several nodes with near caches, whose channels freeze and break. A record's depth says how often
 * it was replaced; each id lives once. After an acknowledged change no node that made it reads what was there before, and
 * no other one more than maxStaleness later.
 */

const MAX_STALENESS = 100;
const STEPS = 4_000;
const WORKERS = 2;
const PLACES = 6;
/** A node seldom changes what others change: it would have dropped its copy, and not hear of theirs too late. */
const FOREIGN = 300;
const DEAD = Infinity;

let server: RedisServer;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  closeNodes();
  await closeClients();
  closeProxies();
});
afterAll(stopServers);

/** Numbers that a seed gives again: those of Park and Miller. */
function numbersOf(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

interface Change {
  depth: number;
  at: number;
  node: number;
}

/** One session, as far as its changes were acknowledged. */
class Life {
  readonly changes: Change[] = [];
  isEnding = false;
  constructor(readonly id: string) {}

  /** The least depth that a node may read when it asks at a time. */
  least(node: number, at: number): number {
    const due = this.changes.filter((change) => change.node === node || change.at < at - MAX_STALENESS);
    return Math.max(0, ...due.map(({ depth }) => depth));
  }
}

function depthOf(record: SessionRecord): number {
  return Number(record.payload);
}

async function play(kinds: readonly ClientKind[], seed: number): Promise<{ hits: number; reads: number }> {
  const pick = numbersOf(seed);
  const prefix = `history${seed}:`;
  const nodes = await Promise.all(
    kinds.map(async ({ connect }) => {
      const channel = await TcpProxy.start(server);
      const connected = await connect(server.url);
      channelsThrough(connected, channel);
      return { ...nearNode(connected, { prefix, maxStaleness: MAX_STALENESS, storeTimeout: 300 }), channel };
    }),
  );
  for (const node of nodes) await haveNear([node], idOf(`ready ${nodes.indexOf(node)}`));
  const lives: Life[] = [];
  const counts = { hits: 0, reads: 0 };
  let born = 0;

  const begin = async (place: number, node: number): Promise<void> => {
    const life = new Life(idOf(`${seed} ${++born}`));
    if (!(await nodes[node]?.store.create(life.id, recordAt(Date.now(), { payload: '0' })))) throw new Error('not new');
    life.changes.push({ depth: 0, at: performance.now(), node });
    lives[place] = life;
  };

  const read = async (life: Life, node: number): Promise<SessionRecord | undefined> => {
    const asked = performance.now();
    const least = life.least(node, asked);
    const loading = nodes[node]?.store.load(life.id);
    counts.reads++;
    if (!(loading instanceof Promise)) counts.hits++;
    const loaded = await loading;
    const depth = loaded === undefined ? DEAD : depthOf(loaded);
    if (depth < least) throw new Error(`seed ${seed}: node ${node} read depth ${depth}, not ${least} or later`);
    if (depth === DEAD && !life.isEnding) throw new Error(`seed ${seed}: node ${node} misses a record`);
    return loaded;
  };

  const change = async (place: number, node: number): Promise<void> => {
    const life = lives[place] as Life;
    const { store } = nodes[node] as (typeof nodes)[number];
    const done = (depth: number): unknown => life.changes.push({ depth, at: performance.now(), node });
    const step = pick(20);
    const loaded = await read(life, node);
    // Loads run beside the change; they may see either.
    const beside = pick(3) === 0 ? [read(life, node), read(life, node)] : [];
    if (loaded === undefined) await begin(place, node);
    else if (step < 12) {
      const depth = depthOf(loaded) + 1;
      const result = await store.update(life.id, recordAt(Date.now(), { payload: `${depth}` }), loaded.version);
      if (result.status === 'updated') done(depth);
      if (result.status === 'conflict' && depthOf(result.current) < depth) throw new Error(`seed ${seed}: conflict`);
    } else if (step < 18) {
      await store.touch(life.id, { ...loaded, usedAt: Date.now() });
    } else {
      life.isEnding = true;
      await store.destroy(life.id);
      done(DEAD);
    }
    await read(life, node);
    await Promise.all(beside);
  };

  const harm = (node: number): void => {
    const { channel } = nodes[node] as (typeof nodes)[number];
    const how = pick(5);
    if (how === 0) channel.stall();
    else if (how === 1) channel.stallReplies();
    else if (how === 2) channel.cut();
    else channel.resume();
  };

  for (let place = 0; place < PLACES; place++) await begin(place, 0);
  const work = async (node: number): Promise<void> => {
    for (let step = 0; step < STEPS; step++) {
      const place = pick(lives.length);
      // Seldom, so that a channel is frozen for longer than records may be served.
      if (pick(1_000) === 0) harm(node);
      else if (pick(place % nodes.length === node ? 4 : FOREIGN) === 0) await change(place, node);
      else await read(lives[place] as Life, node);
    }
  };
  const workers = nodes.flatMap((_, node) => Array.from({ length: WORKERS }, () => work(node)));
  await Promise.all(workers);
  return counts;
}

const mixes: [string, readonly ClientKind[]][] = [
  ['all drivers', CLIENTS],
  ...CLIENTS.map((kind): [string, ClientKind[]] => [`three times ${kind.name}`, [kind, kind, kind]]),
];

it.each(mixes)('laws 5 and 6, random histories: %s', async (_name, kinds) => {
  const { hits, reads } = await play(kinds, randomInt(2 ** 31));
  // Otherwise the history says nothing of the cache.
  expect(hits).toBeGreaterThan(reads / 1_000);
});
