import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { runAt } from '../faults-app.js';
import type { Seen } from '../flight.js';
import type { ProcessSetup } from './session-process.main.js';

const HERE = new URL('./', import.meta.url);
const LOADER = `data:text/javascript,import{register}from'node:module';register('${new URL('../redis/typescript-loader.js', HERE).href}')`;
const running = new Set<SessionProcess>();

/** A process of its own with an application whose sessions are in PostgreSQL: see session-process.main.ts. */
export class SessionProcess {
  url = '';
  /** What it wrote besides; nothing, while all is well. */
  errors = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  private constructor(setup: ProcessSetup, env: NodeJS.ProcessEnv) {
    const program = new URL('session-process.main.ts', HERE).pathname;
    this.child = spawn(process.execPath, ['--import', LOADER, program, JSON.stringify(setup)], {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: 'pipe',
    });
    this.child.stderr?.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.ended = once(this.child, 'close');
    running.add(this);
  }

  /** @param env variables of the process besides ours: `{ TZ: 'Asia/Tokyo' }` */
  static async start(setup: ProcessSetup, env: NodeJS.ProcessEnv = {}): Promise<SessionProcess> {
    const started = new SessionProcess(setup, env);
    const said = started.child.stdout ? once(started.child.stdout, 'data') : Promise.reject(new Error('no output'));
    const ended = started.ended.then(() => {
      throw new Error(`The process ended:\n${started.errors}`);
    });
    started.url = String((await Promise.race([said, ended]))[0]).trim();
    ended.catch(() => undefined);
    return started;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  run(operation: string, token?: string, name?: string): Promise<Seen> {
    return runAt(this.url, operation, token, name);
  }

  async stop(): Promise<void> {
    running.delete(this);
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Ends all that still run: `afterAll(stopProcesses)`. */
export async function stopProcesses(): Promise<void> {
  await Promise.all([...running].map((each) => each.stop()));
}
