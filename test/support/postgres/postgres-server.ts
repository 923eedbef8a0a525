import { execFileSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../redis/redis-server.js';
import { until } from '../redis/until.js';
import { folder, launch, makeData, program } from './installation.js';
import { ask, type Address, type Row } from './queries.js';
import { continueAll, guardOf, killAll, running, stopAll } from './running.js';
import { resetStatements, statements, tableStats, type Statement, type TableStats } from './statistics.js';

export { stopServers } from './running.js';
export type { Address, Row } from './queries.js';

export interface PostgresServerOptions {
  /** A free one unless given. */
  port?: number;
  /** Arguments of postgres, which win over everything: `['-c', 'max_connections=10']`. */
  args?: readonly string[];
  /** A folder that stays when the server is stopped; one of its own, which goes with it, unless given. */
  dir?: string;
  /** Lines of postgresql.conf, after the defaults. */
  config?: string;
  /** fsync, as in production; without it a write survives the death of the server but not of the machine. */
  durable?: boolean;
  /** Makes the data folder; a new cluster unless given. */
  makeData?: (data: string) => Promise<void>;
}

const DEFAULTS = `
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.save = off
# In the data folder, so that it goes with it.
dynamic_shared_memory_type = mmap
`;
const NOT_DURABLE = `
fsync = off
full_page_writes = off
`;

/** A postgres process on 127.0.0.1 that trusts everybody. Ends with `stop`, `stopServers` or us. */
export class PostgresServer {
  readonly dir: string;
  readonly port: number;
  readonly #options: PostgresServerOptions;
  #process: ChildProcess | undefined;

  private constructor(port: number, dir: string, options: PostgresServerOptions) {
    this.port = port;
    this.dir = dir;
    this.#options = options;
  }

  /** Resolves when the server answers. */
  static async start(options: PostgresServerOptions = {}): Promise<PostgresServer> {
    for (let attempt = 1; ; attempt++) {
      const server = new PostgresServer(options.port ?? (await freePort()), await folder(options.dir), options);
      running.add(server);
      try {
        await server.#prepare();
        await server.#launch();
        return server;
      } catch (error) {
        await server.stop();
        // Between looking and binding, another process can take the port.
        const taken = String(error).includes('in use') && options.port === undefined;
        if (!taken || attempt === 10) throw error;
      }
    }
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** For a pool of the superuser. */
  get config(): Address {
    return { host: '127.0.0.1', port: this.port, user: 'postgres', database: 'postgres' };
  }

  get alive(): boolean {
    return this.#process !== undefined;
  }

  /** Of the postmaster. */
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error(`No server runs on port ${this.port}`);
    return this.#process.pid;
  }

  /** What it wrote: errors of statements too. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** One statement as superuser, on a connection of its own, which waits 20 s at most. */
  query<Columns extends Row = Row>(
    text: string,
    values: readonly unknown[] = [],
    database = 'postgres',
  ): Promise<Columns[]> {
    return ask({ ...this.config, database }, text, values);
  }

  /** SIGKILL for the postmaster and all backends; resolves when all are gone. */
  async kill(): Promise<void> {
    await killAll(this.#data);
    await until('the end of the postmaster', () => !this.alive);
    const lockFile = join(this.#data, 'postmaster.pid');
    if (!existsSync(lockFile)) return;
    removeSharedMemory(lockFile);
    // Another process may have its number by the time of the next start.
    await rm(lockFile);
  }

  /** SIGSTOP for the postmaster and all backends: connections stay open, new ones are made, and nothing answers. */
  async pause(): Promise<void> {
    await stopAll(this.pid, this.#data);
  }

  resume(): void {
    continueAll(this.#data);
  }

  /** Ends it if it runs, in whatever state, and starts it again on the same port and data. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#launch();
  }

  async stop(): Promise<void> {
    await this.kill();
    running.delete(this);
    if (this.#options.dir === undefined) await rm(this.dir, { recursive: true, force: true });
  }

  /** A new empty database. */
  async createDatabase(name = `db_${randomUUID().slice(0, 8)}`): Promise<Address> {
    await this.query(`CREATE DATABASE "${name}"`);
    return { ...this.config, database: name };
  }

  /** A role that may log in, with privileges in one database: `['USAGE ON SCHEMA public', 'SELECT ON sessions']`. */
  async createRole(name: string, grants: readonly string[] = [], database = 'postgres'): Promise<Address> {
    await this.query(`CREATE ROLE "${name}" LOGIN`);
    for (const grant of grants) await this.query(`GRANT ${grant} TO "${name}"`, [], database);
    return { ...this.config, user: name, database };
  }

  /**
   * Ends connections of clients, as an administrator or a failover does; resolves with how many, when they are gone.
   *
   * @param where a condition on pg_stat_activity: `"datname = 'a' AND state = 'idle'"`
   */
  async terminateBackends(where = 'true'): Promise<number> {
    const [row] = await this.query<{ ended: number }>(
      `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000))::int AS ended FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND (${where})`,
    );
    return row?.ended ?? 0;
  }

  /** What ran in a database since its start or the last reset, most frequent first. */
  statements(database: string): Promise<Statement[]> {
    return statements(this, database);
  }

  resetStatements(database: string): Promise<void> {
    return resetStatements(this, database);
  }

  /** Ends idle connections to the database first: a backend keeps its counts to itself for up to 10 s. */
  tableStats(database: string, table: string): Promise<TableStats> {
    return tableStats(this, database, table);
  }

  get #data(): string {
    return join(this.dir, 'data');
  }

  get #logFile(): string {
    return join(this.dir, 'postgres.log');
  }

  async #prepare(): Promise<void> {
    if (existsSync(this.#data)) return;
    const { config = '', durable = false } = this.#options;
    await (this.#options.makeData ?? makeData)(this.#data);
    await appendFile(join(this.#data, 'postgresql.conf'), `${DEFAULTS}${durable ? '' : NOT_DURABLE}\n${config}\n`);
  }

  async #launch(): Promise<void> {
    const args = ['-D', this.#data, '-p', `${this.port}`, '-k', this.dir, ...(this.#options.args ?? [])];
    const child = await launch(program('postgres'), args, this.#logFile);
    this.#process = child;
    const guard = guardOf(GUARD, this.#data, this.#options.dir === undefined ? this.dir : '');
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
      guard.kill();
    });
    const answered = await until(`an answer on port ${this.port}`, async () => {
      if (!this.alive) return 'gone';
      const [row] = await this.query<{ data_directory: string }>('SHOW data_directory');
      // Another server on that port would answer as well.
      return row?.data_directory === this.#data && 'ready';
    });
    if (answered === 'ready' && this.alive) return;
    throw new Error(`postgres ended:\n${await readFile(this.#logFile, 'utf8')}`);
  }
}

/** What `kill` and `stop` do, for a shell. */
const GUARD = `
memory=$(sed -n '7s/.* //p' "$0/postmaster.pid")
while left=$(for each in /proc/[0-9]*; do [ "$(readlink $each/cwd)" = "$0" ] && echo "\${each#/proc/}"; done); [ "$left" ]
do kill -9 $left; done
ipcrm -m "$memory"
[ -z "$1" ] || rm -rf "$1"
`;

/** What the death of a postmaster leaves behind: without a data folder, no later one would tidy it up. */
function removeSharedMemory(lockFile: string): void {
  const id = readFileSync(lockFile, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
  if (id !== undefined) execFileSync('ipcrm', ['-m', id], { stdio: 'ignore' });
}
