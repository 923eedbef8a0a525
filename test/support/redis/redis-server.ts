import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.js';
import { ask, type Reply } from './wire.js';

export interface RedisServerOptions {
  /** A free one unless given. */
  port?: number;
  /** After the defaults, so they win: `['--appendonly', 'yes']`. */
  args?: readonly string[];
  /** A folder that stays when the server is stopped; one of its own, which goes with it, unless given. */
  dir?: string;
  /** Text of a configuration file, which the server may rewrite. Without the defaults: a sentinel does not know them. */
  config?: string;
}

const running = new Set<RedisServer>();

/** A redis-server process on 127.0.0.1, without persistence unless asked for. Ends with `stop`, `stopServers` or us. */
export class RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly #args: readonly string[];
  readonly #keepDir: boolean;
  #process: ChildProcess | undefined;

  private constructor(port: number, dir: string, options: RedisServerOptions) {
    const defaults = options.config === undefined ? ['--save', '', '--appendonly', 'no'] : [join(dir, 'redis.conf')];
    this.port = port;
    this.dir = dir;
    this.#keepDir = options.dir !== undefined;
    this.#args = [
      ...defaults,
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--logfile', join(dir, 'redis.log')],
      ...(options.args ?? []),
    ];
  }

  /** Resolves when the server answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'redis-')));
      const server = new RedisServer(options.port ?? (await freePort()), dir, options);
      if (options.config !== undefined) await writeFile(join(dir, 'redis.conf'), options.config);
      try {
        await server.#launch();
        return server;
      } catch (error) {
        await server.stop();
        // Between looking and binding, another process can take a port, or the one of the cluster bus.
        const taken = String(error).includes('in use') && options.port === undefined;
        if (!taken || attempt === 10) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get alive(): boolean {
    return this.#process !== undefined;
  }

  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error(`No server runs on port ${this.port}`);
    return this.#process.pid;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#process === undefined) return;
    const gone = once(this.#process, 'exit');
    this.#process.ref();
    this.#process.kill('SIGKILL');
    await gone;
  }

  /** SIGSTOP: the connections stay open and nothing answers. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Ends it if it runs, in whatever state, and starts it again on the same port and folder. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#launch();
  }

  async stop(): Promise<void> {
    await this.kill();
    running.delete(this);
    if (!this.#keepDir) await rm(this.dir, { recursive: true, force: true });
  }

  /** What redis-cli prints; an error reply rejects. */
  async cli(...words: (string | number)[]): Promise<string> {
    const args = ['-e', '-h', '127.0.0.1', '-p', this.port, ...words].map(String);
    const { stdout } = await promisify(execFile)('/usr/bin/redis-cli', args);
    return stdout.replace(/\n$/, '');
  }

  /** One command on a connection of its own, without a process for it; an error reply rejects. */
  ask(...words: (string | number)[]): Promise<Reply> {
    return ask(this.port, ...words);
  }

  /** The value of a field of INFO. */
  async info(field: string): Promise<string | undefined> {
    return new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(String(await this.ask('INFO')))?.[1];
  }

  async #launch(): Promise<void> {
    running.add(this);
    const child = spawn('/usr/bin/redis-server', this.#args, { stdio: 'ignore' });
    await once(child, 'spawn');
    this.#process = child;
    const guard = guardOf(child.pid as number, this.#keepDir ? undefined : this.dir);
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
      guard.kill();
    });
    child.unref();
    const answered = await until(`an answer on port ${this.port}`, async () => {
      if (!this.alive) return 'gone';
      if (/NOAUTH/.test(await this.ask('PING').then(String, String))) return 'ready';
      // Another server on that port would answer as well.
      return (await this.ask('PING')) === 'PONG' && (await this.info('process_id')) === `${child.pid}` && 'ready';
    });
    if (answered === 'ready' && this.alive) return;
    throw new Error(`redis-server ended:\n${await readFile(join(this.dir, 'redis.log'), 'utf8')}`);
  }
}

/** Ends all servers that still run: `afterAll(stopServers)`. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/**
 * Below the range that outgoing connections take theirs from: none of them can take the port of a killed server. The
 * port of a cluster bus, 10,000 above, is below it too.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 22_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/** Ends the server when our end of the pipe closes, as it does however this process ends, SIGKILL too. */
function guardOf(pid: number, dir = ''): ChildProcess {
  const script = 'read -r _; kill -9 "$0"; [ -z "$1" ] || rm -rf "$1"';
  const guard = spawn('/bin/sh', ['-c', script, `${pid}`, dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}
