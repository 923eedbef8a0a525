import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { call } from '../client.js';
import type { Seen } from '../flight.js';
import type { Platform } from '../platforms.js';

const program = join(import.meta.dirname, 'session-process.js');
const running = new Set<SessionProcess>();

/** A process of its own with an application on the built package: see session-process.js. */
export class SessionProcess {
  url = '';
  /** What it wrote besides; nothing, while all is well. */
  errors = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  private constructor(driver: string, redisUrl: string, platform: Platform) {
    const env = { ...process.env, NODE_OPTIONS: '' };
    this.child = spawn(process.execPath, [program, driver, redisUrl, platform], { env, stdio: 'pipe' });
    this.child.stderr?.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.ended = once(this.child, 'close');
    running.add(this);
  }

  static async start(driver: string, redisUrl: string, platform: Platform): Promise<SessionProcess> {
    const started = new SessionProcess(driver, redisUrl, platform);
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

  async run(operation: string, token?: string, name = 'x'): Promise<Seen> {
    const answer = await call(this.url, `/${operation}/${name}`, { method: 'POST', token });
    const body = answer.json() as { result?: unknown; code?: unknown };
    return { status: answer.status, token: answer.token, says: body.code ?? body.result };
  }

  async stop(): Promise<void> {
    running.delete(this);
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Ends all that still run: `afterEach(stopProcesses)`. */
export async function stopProcesses(): Promise<void> {
  await Promise.all([...running].map((each) => each.stop()));
}
