import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { idOf } from '../../lib/session-token.js';
import { call } from '../support/client.js';
import { TokenSearch } from '../support/leaks/token-search.js';
import { PLATFORMS, type Platform } from '../support/platforms.js';

const LOADER = new URL('../support/redis/typescript-loader.js', import.meta.url).href;
const REGISTER = `data:text/javascript,import{register}from'node:module';register('${LOADER}')`;
const FLAGS = ['--trace-warnings', '--trace-uncaught', '--trace-exit', '--stack-trace-limit=100', '--import', REGISTER];

/** A process of its own whose standard outputs are kept, both in one. */
class TalkingProcess {
  output = '';
  readonly ended: Promise<unknown>;
  private heard: () => void = () => undefined;

  private constructor(readonly child: ChildProcess) {
    this.ended = once(child, 'close');
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
        this.heard();
      });
    }
  }

  static start(platform: Platform): TalkingProcess {
    const program = new URL('support/leak-process.main.ts', import.meta.url).pathname;
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
    return new TalkingProcess(spawn(process.execPath, [...FLAGS, program, platform], { env, stdio: 'pipe' }));
  }

  /** What it writes by this pattern, once it has. */
  async said(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.output);
      if (found !== null) return found[1] ?? found[0];
      const gone = this.ended.then(() => Promise.reject(new Error(`The process ended:\n${this.output}`)));
      await Promise.race([new Promise<void>((resolve) => (this.heard = resolve)), gone]);
    }
  }
}

let talking: TalkingProcess;

afterEach(async () => {
  talking.child.kill('SIGKILL');
  await talking.ended;
});

/** Signs in and does what fails; the tokens so far. */
async function use(url: string): Promise<string[]> {
  const first = (await call(url, '/write', { method: 'POST' })).token as string;
  const second = (await call(url, '/login', { method: 'POST', token: first })).token as string;
  expect((await call(url, '/fails', { method: 'POST', token: second })).status).toBe(500);
  await call(url, '/write', { method: 'POST', token: `${second}x` });
  return [first, second];
}

describe.each(PLATFORMS)('what a process writes, on %s', (platform) => {
  it('law 2, CVE-2023-20866: no token, when SIGTERM comes in mid-request', async () => {
    talking = TalkingProcess.start(platform);
    const url = await talking.said(/listens at (\S+)/);
    const tokens = await use(url);
    const hanging = call(url, '/hang', { method: 'POST', token: tokens[1] }).catch((error: unknown) => error);
    await talking.said(/hangs in/);
    talking.child.kill('SIGTERM');
    // Nest waits for the request; whoever runs it does not wait for ever.
    await call(url, '/write', { method: 'POST' }).catch((error: unknown) => error);
    talking.child.kill('SIGKILL');
    await talking.ended;
    await hanging;

    clean(talking.output, tokens);
    expect(talking.output).toMatch(/failed on purpose[\s\S]*hangs in/);
  }, 60_000);

  it('law 2, CVE-2023-20866: no token, when an error that carries the session ends it', async () => {
    talking = TalkingProcess.start(platform);
    const url = await talking.said(/listens at (\S+)/);
    const tokens = await use(url);
    await call(url, '/crash', { method: 'POST', token: tokens[1] }).catch((error: unknown) => error);
    await talking.ended;

    clean(talking.output, tokens);
    expect(talking.output).toContain('crashed on purpose');
    expect(talking.output).toContain(`warned of ${idOf(tokens[1] as string)}`);
  }, 60_000);
});

function clean(output: string, tokens: readonly string[]): void {
  const search = new TokenSearch();
  for (const token of tokens) search.learn(token);
  expect(new Set(tokens).size).toBe(2);
  expect(output).toContain('input_validation_fail');
  expect(search.find(output)).toBeUndefined();
}
