import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../redis/redis-server.js';
import { until } from '../redis/until.js';
import { folder, launch } from './installation.js';
import type { PostgresServer } from './postgres-server.js';
import { ask, type Address } from './queries.js';
import { guardOf, running } from './running.js';

export interface PgBouncerOptions {
  /** When a connection to the server is another client's turn; after each transaction unless given. */
  poolMode?: 'session' | 'transaction' | 'statement';
  /** Connections to the server, for each pair of user and database; 2 unless given. */
  poolSize?: number;
  /** More lines of the section [pgbouncer]. */
  config?: string;
}

/** A pgbouncer process before a server, for all of its databases and the roles it has now. Ends as servers do. */
export class PgBouncer {
  readonly port: number;
  readonly #dir: string;
  readonly #server: PostgresServer;
  #process: ChildProcess | undefined;

  private constructor(port: number, dir: string, server: PostgresServer) {
    this.port = port;
    this.#dir = dir;
    this.#server = server;
  }

  /** Resolves when it answers. */
  static async start(server: PostgresServer, options: PgBouncerOptions = {}): Promise<PgBouncer> {
    const bouncer = new PgBouncer(await freePort(), await folder(), server);
    running.add(bouncer);
    try {
      await bouncer.#launch(options);
    } catch (error) {
      await bouncer.stop();
      throw error;
    }
    return bouncer;
  }

  /** For a pool of the superuser, by way of the bouncer. */
  get config(): Address {
    return this.before(this.#server.config);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The address of a database, by way of the bouncer. */
  before(address: Address): Address {
    return { ...address, port: this.port };
  }

  async stop(): Promise<void> {
    running.delete(this);
    if (this.#process !== undefined) {
      const gone = once(this.#process, 'exit');
      this.#process.ref();
      this.#process.kill('SIGKILL');
      await gone;
    }
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #launch({ poolMode = 'transaction', poolSize = 2, config = '' }: PgBouncerOptions): Promise<void> {
    const [ini, users, log] = ['pgbouncer.ini', 'users.txt', 'pgbouncer.log'].map((name) => join(this.#dir, name)) as [
      string,
      string,
      string,
    ];
    const roles = await this.#server.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE rolcanlogin');
    await writeFile(users, roles.map(({ rolname }) => `"${rolname}" ""\n`).join(''));
    await writeFile(
      ini,
      `[databases]
* = host=127.0.0.1 port=${this.#server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${this.port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${poolMode}
default_pool_size = ${poolSize}
max_client_conn = 1000
ignore_startup_parameters = extra_float_digits
${config}
`,
    );
    const child = await launch('/usr/sbin/pgbouncer', [ini], log);
    this.#process = child;
    const guard = guardOf('kill -9 "$0"; rm -rf "$1"', `${child.pid}`, this.#dir);
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
      guard.kill();
    });
    const answered = await until(`an answer on port ${this.port}`, async () => {
      if (this.#process === undefined) return 'gone';
      return (await ask(this.config, 'SELECT 1', [])).length === 1 && 'ready';
    });
    if (answered === 'gone') throw new Error(`pgbouncer ended:\n${await readFile(log, 'utf8')}`);
  }
}
