import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Settings } from './settings.js';

/** How long a process may take to answer its last requests, in ms. */
const GRACE = 10_000;

/** One process of the application. */
export class FleetProcess {
  readonly url: string;
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private isStopping = false;

  constructor(
    readonly port: number,
    redisUrl: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    const env = { ...process.env, PORT: String(port), REDIS_URL: redisUrl };
    this.child = fork(join(import.meta.dirname, '../server.js'), { env });
    this.exited = once(this.child, 'exit').then(([code, signal]) => {
      if (!this.isStopping) console.error(`The process on port ${port} has ended (${String(signal ?? code)}).`);
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Resolves when it listens. */
  async started(): Promise<void> {
    const ended = this.exited.then(() => {
      throw new Error('The sample has not started.');
    });
    await Promise.race([once(this.child, 'message'), ended]);
  }

  ended(): Promise<void> {
    return this.exited;
  }

  /** Lets it answer what it was asked, within bounds. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.child.kill('SIGTERM');
    const impatient = setTimeout(() => this.child.kill('SIGKILL'), GRACE);
    await this.exited;
    clearTimeout(impatient);
  }
}

/** The processes of the application, one port each. Nothing but Redis connects them. */
export class Fleet {
  processes: readonly FleetProcess[] = [];

  constructor(private readonly settings: Settings & { readonly redisUrl: string }) {}

  /** Resolves when all of them listen. */
  async start(): Promise<void> {
    const { processes, port, redisUrl } = this.settings;
    this.processes = Array.from({ length: processes }, (_, index) => new FleetProcess(port + index, redisUrl));
    await Promise.all(this.processes.map((each) => each.started()));
  }

  /** Resolves when the last of them has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.ended()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.stop()));
  }
}
