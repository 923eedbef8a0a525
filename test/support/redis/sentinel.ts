import { RedisServer } from './redis-server.js';
import { until } from './until.js';
import type { Reply } from './wire.js';

export const MASTER_NAME = 'sessions';
const QUORUM = 2;

export interface SentinelSetupOptions {
  /** For the servers. */
  args?: readonly string[];
  /**
   * Whether sentinels look as seldom as they do in production. Then a master that comes back, or was replaced alive,
   * takes writes for some 10 s before they make it a replica. Else less than 3 s.
   */
  ownPace?: boolean;
}

/** One master, two replicas and three sentinels, on free ports. Ends with `stop` or `stopServers`. */
export class SentinelSetup {
  private constructor(
    /** The master at the start first. */
    readonly servers: readonly RedisServer[],
    readonly sentinels: readonly RedisServer[],
  ) {}

  /** Resolves when the replicas are in sync and every sentinel knows all others. */
  static async start({ args = [], ownPace = false }: SentinelSetupOptions = {}): Promise<SentinelSetup> {
    // Without the delay a replica has a whole dump at once, not five seconds later.
    const replication = ['--repl-diskless-sync-delay', '0', ...args];
    const first = await RedisServer.start({ args: replication });
    const replicaOf = ['--replicaof', '127.0.0.1', `${first.port}`];
    const replicas = await Promise.all([0, 1].map(() => RedisServer.start({ args: [...replication, ...replicaOf] })));
    const config = [
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${first.port} ${QUORUM}`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
      `sentinel failover-timeout ${MASTER_NAME} 2000`,
      '',
    ].join('\n');
    const sentinels = await Promise.all([0, 1, 2].map(() => RedisServer.start({ config, args: ['--sentinel'] })));
    if (!ownPace) {
      const pace = ['INFO-PERIOD', 500, 'PUBLISH-PERIOD', 500];
      await Promise.all(sentinels.map((sentinel) => sentinel.ask('SENTINEL', 'DEBUG', ...pace)));
    }
    const setup = new SentinelSetup([first, ...replicas], sentinels);
    await setup.settled();
    return setup;
  }

  /** Where drivers ask for the master, which they know as `MASTER_NAME`. */
  get addresses(): { host: string; port: number }[] {
    return this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** The server that most sentinels name as the master. */
  async master(): Promise<RedisServer> {
    return until('a master on which the sentinels agree', () => this.#agreed());
  }

  /** The servers that are not the master and run. */
  async replicas(): Promise<RedisServer[]> {
    const master = await this.master();
    return this.servers.filter((server) => server !== master && server.alive);
  }

  /** All sentinels see the same master, which has all other running servers as replicas, in sync. */
  async settled(): Promise<RedisServer> {
    const look = async () => {
      const master = await this.#agreed(this.sentinels.filter(({ alive }) => alive).length);
      if (master === undefined) return undefined;
      const replicas = this.servers.filter((server) => server !== master && server.alive);
      const synced = await Promise.all(replicas.map((replica) => follows(replica, master)));
      const seen = await Promise.all(
        this.sentinels.filter(({ alive }) => alive).map((sentinel) => seesAll(sentinel, this.sentinels, this.servers)),
      );
      return synced.every(Boolean) && seen.every(Boolean) && master;
    };
    // Sentinels that were starved of CPU do nothing for 30 s.
    return until('sentinels that know each other and replicas in sync', look, 45_000);
  }

  /**
   * A planned failover, begun by a sentinel. Resolves with the new master, when it is one and the sentinels agree. The
   * old one still takes writes, which are lost, until a sentinel makes it a replica: see `settled`.
   */
  async failover(): Promise<RedisServer> {
    const before = await this.settled();
    const [sentinel] = this.sentinels.filter(({ alive }) => alive);
    // Refused for a while after a failover, and while no replica's state is fresh enough.
    await until('a failover to begin', async () => (await sentinel?.ask('SENTINEL', 'FAILOVER', MASTER_NAME)) === 'OK');
    return this.#successor(before);
  }

  /** SIGKILL for the master. Resolves with the new one; the old one stays dead until `restart()`. */
  async killMaster(): Promise<RedisServer> {
    const before = await this.master();
    await before.kill();
    return this.#successor(before);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.stop()));
  }

  async #successor(before: RedisServer): Promise<RedisServer> {
    return until(`another master than ${before.port}`, async () => {
      const master = await this.#agreed();
      return master !== before && (await master?.info('role')) === 'master' && master;
    });
  }

  async #agreed(votes = QUORUM): Promise<RedisServer | undefined> {
    const named = await Promise.all(
      this.sentinels.map((sentinel) =>
        sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME).then(
          (address) => Number((address as string[])[1]),
          () => undefined,
        ),
      ),
    );
    return this.servers.find(({ port }) => named.filter((name) => name === port).length >= votes);
  }
}

/** Whether it is a replica of that server and has all of its data. */
export async function follows(replica: RedisServer, master: RedisServer): Promise<boolean> {
  const [role, , port, state] = (await replica.ask('ROLE')) as Reply[];
  return role === 'slave' && port === master.port && state === 'connected';
}

async function seesAll(
  sentinel: RedisServer,
  sentinels: readonly RedisServer[],
  servers: readonly RedisServer[],
): Promise<boolean> {
  const fields = fieldsOf(await sentinel.ask('SENTINEL', 'MASTER', MASTER_NAME));
  return (
    fields.get('num-other-sentinels') === `${sentinels.length - 1}` &&
    fields.get('num-slaves') === `${servers.length - 1}`
  );
}

function fieldsOf(reply: Reply): Map<string, string> {
  const words = reply as string[];
  return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] as string] as const] : [])));
}
