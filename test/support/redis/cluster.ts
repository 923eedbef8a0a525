import { RedisServer } from './redis-server.js';
import { follows } from './sentinel.js';
import { until } from './until.js';
import { ask, type Reply } from './wire.js';

const SLOTS = 16_384;
const MASTERS = 3;

/** A slot on its way from one master to another; a test may stop after any step. */
export interface SlotMove {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
  /** Both know of the move: the old owner answers ASK for keys that it lacks. */
  begin(): Promise<void>;
  /** Moves up to `count` keys, all unless given; resolves with how many went. */
  moveKeys(count?: number): Promise<number>;
  /** The new owner has the slot, and all nodes know it. */
  finish(): Promise<void>;
}

/** Three masters with a replica each, on free ports. Ends with `stop` or `stopServers`. */
export class ClusterSetup {
  private constructor(readonly nodes: readonly RedisServer[]) {}

  /** Resolves when all nodes agree and all replicas are in sync. */
  static async start(args: readonly string[] = []): Promise<ClusterSetup> {
    const options = {
      args: [
        ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', '--repl-diskless-sync-delay', '0'],
        // A replica that lost sight of its master for long may still take over.
        ...['--cluster-replica-validity-factor', '0', '--cluster-allow-replica-migration', 'no', ...args],
      ],
    };
    const nodes = await Promise.all(Array.from({ length: MASTERS * 2 }, () => RedisServer.start(options)));
    const setup = new ClusterSetup(nodes);
    await setup.#join();
    await setup.settled();
    return setup;
  }

  /** Where drivers look for the cluster. */
  rootNodes(): { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** The masters that run now. */
  async masters(): Promise<RedisServer[]> {
    const owners = await this.#owners();
    return this.nodes.filter((node) => owners.some(({ master }) => master === node));
  }

  /** The master that has the slot of a key. */
  async nodeOf(key: string): Promise<RedisServer> {
    return this.#ownerOf(await this.slotOf(key));
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.#anyNode().ask('CLUSTER', 'KEYSLOT', key));
  }

  /** The replica of a master, in sync. */
  async replicaOf(master: RedisServer): Promise<RedisServer> {
    return until(`a replica of ${master.port} in sync`, async () => {
      for (const node of this.nodes) {
        if (node.alive && (await follows(node, master))) return node;
      }
      return undefined;
    });
  }

  /** The steps of moving a slot, or the slot of a key; none is done yet. */
  async slotMove(slotOrKey: number | string, to: RedisServer): Promise<SlotMove> {
    const slot = typeof slotOrKey === 'number' ? slotOrKey : await this.slotOf(slotOrKey);
    const from = await this.#ownerOf(slot);
    if (from === to) throw new Error(`${to.port} has slot ${slot} already`);
    const [fromId, toId] = await Promise.all([idOf(from), idOf(to)]);
    return {
      slot,
      from,
      to,
      begin: async () => {
        await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
        await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
      },
      moveKeys: async (count = Infinity) => {
        let moved = 0;
        while (moved < count) {
          const batch = Math.min(count - moved, 1_000);
          const keys = (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, batch)) as string[];
          if (keys.length === 0) break;
          await from.ask('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
          moved += keys.length;
        }
        return moved;
      },
      finish: async () => {
        // The new owner first: a slot that nobody has would be lost if the old owner died in between.
        for (const node of [to, from]) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
        await this.#owned(slot, to);
      },
    };
  }

  /** Moves a slot, or the slot of a key, with all of its keys. */
  async moveSlot(slotOrKey: number | string, to: RedisServer): Promise<void> {
    const move = await this.slotMove(slotOrKey, to);
    await move.begin();
    await move.moveKeys();
    await move.finish();
  }

  /** CLUSTER FAILOVER: the replica takes over from a master that runs, without losing a write. Resolves with it. */
  async failover(master: RedisServer): Promise<RedisServer> {
    const replica = await this.replicaOf(master);
    await replica.ask('CLUSTER', 'FAILOVER');
    await this.#tookOver(replica);
    await this.replicaOf(replica);
    return replica;
  }

  /** SIGKILL for a master. Resolves with its replica once that has taken over; the old one is dead until `restart()`. */
  async killMaster(master: RedisServer): Promise<RedisServer> {
    const replica = await this.replicaOf(master);
    await master.kill();
    await this.#tookOver(replica);
    return replica;
  }

  /** All running nodes say that the cluster is ok and name the same owners, and all running replicas are in sync. */
  async settled(): Promise<void> {
    await until('a cluster that agrees, with replicas in sync', async () => {
      const alive = this.nodes.filter((node) => node.alive);
      const views = await Promise.all(alive.map(viewOf));
      const ok = await Promise.all(alive.map(async (node) => String(await node.ask('CLUSTER', 'INFO'))));
      const synced = await Promise.all(alive.map(isMasterOrInSync));
      return (
        new Set(views).size === 1 && ok.every((info) => info.includes('cluster_state:ok')) && synced.every(Boolean)
      );
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async #join(): Promise<void> {
    const [first] = this.nodes as [RedisServer];
    const masters = this.nodes.slice(0, MASTERS);
    // Epochs of their own, so that no conflict has to be solved first.
    await Promise.all(this.nodes.map((node, i) => node.ask('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)));
    await Promise.all(
      masters.map((node, i) => {
        const [start, end] = [i, i + 1].map((part) => Math.floor((part * SLOTS) / MASTERS)) as [number, number];
        return node.ask('CLUSTER', 'ADDSLOTSRANGE', start, end - 1);
      }),
    );
    for (const node of this.nodes.slice(1)) await first.ask('CLUSTER', 'MEET', '127.0.0.1', node.port);
    const ids = await Promise.all(masters.map(idOf));
    await Promise.all(
      this.nodes.slice(MASTERS).map((node, i) =>
        until(`${node.port} to follow a master`, async () => {
          return (await node.ask('CLUSTER', 'REPLICATE', ids[i] as string)) === 'OK';
        }),
      ),
    );
  }

  async #tookOver(replica: RedisServer): Promise<void> {
    await until(`${replica.port} to take over`, async () => (await replica.info('role')) === 'master');
    await this.settled();
  }

  async #owned(slot: number, owner: RedisServer): Promise<void> {
    await until(`slot ${slot} on ${owner.port} for all nodes`, async () => {
      const alive = this.nodes.filter((node) => node.alive);
      const views = await Promise.all(alive.map(ownersFor));
      return views.every(
        (owners) => owners.find(({ first, last }) => first <= slot && slot <= last)?.port === owner.port,
      );
    });
  }

  async #ownerOf(slot: number): Promise<RedisServer> {
    const owners = await this.#owners();
    const owner = owners.find(({ first, last }) => first <= slot && slot <= last)?.master;
    if (owner === undefined) throw new Error(`Nobody has slot ${slot}`);
    return owner;
  }

  async #owners(): Promise<{ first: number; last: number; master: RedisServer | undefined }[]> {
    const owners = await ownersFor(this.#anyNode());
    return owners.map(({ first, last, port }) => ({
      first,
      last,
      master: this.nodes.find((node) => node.port === port && node.alive),
    }));
  }

  #anyNode(): RedisServer {
    const node = this.nodes.find(({ alive }) => alive);
    if (node === undefined) throw new Error('No node runs');
    return node;
  }
}

async function idOf(node: RedisServer): Promise<string> {
  return String(await node.ask('CLUSTER', 'MYID'));
}

async function ownersFor({ port }: RedisServer): Promise<{ first: number; last: number; port: number }[]> {
  const ranges = (await ask(port, 'CLUSTER', 'SLOTS')) as [number, number, Reply[]][];
  return ranges.map(([first, last, master]) => ({ first, last, port: Number(master[1]) }));
}

async function viewOf(node: RedisServer): Promise<string> {
  const owners = await ownersFor(node);
  return JSON.stringify(owners.sort((a, b) => a.first - b.first));
}

async function isMasterOrInSync(node: RedisServer): Promise<boolean> {
  const [role, , , state] = (await node.ask('ROLE')) as Reply[];
  return role === 'master' || state === 'connected';
}
