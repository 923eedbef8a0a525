import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, RedisServer, stopServers } from '../../test/support/redis/redis-server.js';
import { until } from '../../test/support/redis/until.js';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
/** Apart from `npm start`, which may build the sample at the same time. */
const testing = join(import.meta.dirname, 'testing');
const built = join(testing, 'dist');

const started = new Set<Sample>();
let temporary: string;

/** The sample, built as `npm start` builds it, with real processes. */
class Sample {
  output = '';
  readonly ended: Promise<unknown[]>;
  private readonly launcher: ChildProcess;

  constructor(
    readonly port: number,
    env: NodeJS.ProcessEnv = {},
  ) {
    const settings = { ...process.env, NODE_OPTIONS: '', REDIS_URL: '', PORT: String(port) };
    this.launcher = spawn(process.execPath, [join(built, 'main.js')], {
      env: { ...settings, TMPDIR: temporary, ...env },
    });
    this.launcher.stdout?.on('data', (text: Buffer) => (this.output += text.toString()));
    this.launcher.stderr?.on('data', (text: Buffer) => (this.output += text.toString()));
    this.ended = once(this.launcher, 'close');
    started.add(this);
    void this.ended.then(() => started.delete(this));
  }

  static async start(env?: NodeJS.ProcessEnv): Promise<Sample> {
    const sample = new Sample(await freePorts(3), env);
    const isOver = sample.ended.then(() => {
      throw new Error(`It ended by itself:\n${sample.output}`);
    });
    await Promise.race([until('the welcome', () => sample.output.includes('Ctrl-C')), isOver]);
    return sample;
  }

  kill(signal: NodeJS.Signals): void {
    this.launcher.kill(signal);
  }

  url(process: number, path: string): string {
    return `http://127.0.0.1:${this.port + process}${path}`;
  }

  /** The pids of its processes. */
  get pids(): number[] {
    return [...this.output.matchAll(/, process (\d+)$/gm)].map(([, pid]) => Number(pid));
  }

  get redisUrl(): string {
    return /^Redis: (redis:\S+), started/m.exec(this.output)?.[1] ?? '';
  }

  async signIn(process: number): Promise<string> {
    const body = new URLSearchParams({ user: 'ada', password: 'first-program' });
    const answer = await fetch(this.url(process, '/sign-in'), { method: 'POST', body });
    expect(answer.status).toBe(204);
    return answer.headers.get('X-Auth-Token') ?? '';
  }

  call(process: number, token: string, path = '/me', method = 'GET'): Promise<Response> {
    return fetch(this.url(process, path), { method, headers: { 'X-Auth-Token': token } });
  }
}

async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await freePort();
    const probes = Array.from({ length: count }, (_, index) => isRefused(first + index));
    if ((await Promise.all(probes)).every(Boolean)) return first;
  }
}

function isRefused(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => false,
    () => true,
  );
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'scale-out-spec-'));
  // Nothing to do when the package is built already.
  const build = "import('./tools/prepare.js').then(({ build }) => build())";
  await execute(process.execPath, ['--input-type=module', '-e', build], { cwd: root });
  const project = join(import.meta.dirname, 'tsconfig.build.json');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await execute(process.execPath, [tsc, '-p', project, '--outDir', built], { cwd: root });
});

async function stopSamples(): Promise<void> {
  await Promise.all(
    [...started].map((sample) => {
      sample.kill('SIGTERM');
      return sample.ended;
    }),
  );
}

afterAll(async () => {
  await stopSamples();
  await stopServers();
  await rm(temporary, { recursive: true });
  await rm(testing, { recursive: true });
});

describe('three processes', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await Sample.start();
  });
  afterAll(stopSamples);

  it.each(['sh', 'bash'])('the lines of the README print what it says, in %s', async (shell) => {
    const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
    const section = readme.slice(readme.indexOf('## What to try'));
    const blocks = [...section.matchAll(/```sh\n(.*?)```\n\n```text\n(.*?)```/gs)];
    expect(blocks).toHaveLength(5);
    const here = (text = ''): string => text.replace(/300([0-2])/g, (_, process) => `${sample.port + Number(process)}`);
    // All in one shell, as they are pasted: later lines use the tokens of earlier ones.
    const script = blocks.map(([, lines]) => `${here(lines)}echo -----\n`).join('');
    const { stdout, stderr } = await execute(shell, ['-ec', script], {
      env: { PATH: process.env.PATH, HOME: temporary },
    });
    expect(stdout.split('-----\n').slice(0, -1)).toEqual(blocks.map(([, , text]) => here(text)));
    expect(stderr).toBe('');
  });

  it('the lines that it prints work as they are', async () => {
    const lines = sample.output.split('\n').filter((line) => line.includes('curl'));
    expect(lines).toHaveLength(2);
    const { stdout } = await execute('sh', ['-ec', lines.join('\n')]);
    expect(JSON.parse(stdout)).toEqual({ port: sample.port + 1, user: 'ada', views: 0 });
  });

  it('law 5: views that all processes count at the same time are all there', async () => {
    const token = await sample.signIn(0);
    const counts = Array.from({ length: 90 }, (_, index) => sample.call(index % 3, token, '/views', 'POST'));
    expect((await Promise.all(counts)).map(({ status }) => status)).toEqual(Array.from({ length: 90 }, () => 200));
    for (const process of [0, 1, 2]) {
      expect(await (await sample.call(process, token)).json()).toEqual(expect.objectContaining({ views: 90 }));
    }
  });

  it('a second one says that its port is taken, and leaves the first alone', async () => {
    const second = new Sample(sample.port - 2);
    expect(await second.ended).toEqual([1, null]);
    expect(second.output).toContain(`Port ${sample.port} is in use. Set PORT to another one.`);
    expect((await sample.call(0, await sample.signIn(1))).status).toBe(200);
  });

  it('ASVS 7.4.1: a process that is killed takes no session with it', async () => {
    const token = await sample.signIn(0);
    const [first = 0, ...others] = sample.pids;
    process.kill(first, 'SIGKILL');
    await until('word of its end', () =>
      sample.output.includes(`The process on port ${sample.port} has ended (SIGKILL)`),
    );
    expect((await sample.call(1, token)).status).toBe(200);
    expect((await sample.call(1, token, '/sign-out', 'POST')).status).toBe(204);
    expect((await sample.call(2, token)).status).toBe(401);
    expect(others.every(isRunning)).toBe(true);
  });
});

it('F67: starts without Redis, answers 503 until it is there, and again while it is away', async () => {
  const server = await RedisServer.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  await server.kill();
  const sample = await Sample.start({ REDIS_URL: server.url, PROCESSES: '2' });
  expect(sample.output).toContain(`Redis: 127.0.0.1:${server.port}\n`);
  const unknown = 'A'.repeat(43);
  const refused = await sample.call(0, unknown);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect((await fetch(sample.url(0, '/me'))).status).toBe(401);

  await server.restart();
  const back = (process: number, token: string, status: number): Promise<boolean> =>
    until(`${status} from process ${process}`, async () => (await sample.call(process, token)).status === status);
  for (const process of [0, 1]) await back(process, unknown, 401);
  const token = await sample.signIn(1);

  await server.kill();
  for (const process of [0, 1]) await back(process, token, 503);
  await server.restart();
  for (const process of [0, 1]) await back(process, token, 200);
  await stopSamples();
});

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  it('L93: ends processes and Redis, after the requests that are on their way', async () => {
    const sample = await Sample.start();
    const body = 'user=ada&password=first-program';
    const headers = {
      Expect: '100-continue',
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': body.length,
    };
    const signingIn = request(sample.url(2, '/sign-in'), { method: 'POST', headers });
    signingIn.flushHeaders();
    // It has begun, and needs Redis after the signal.
    await once(signingIn, 'continue');
    sample.kill(signal);
    await until('the end of listening', () => isRefused(sample.port + 2));
    signingIn.end(body);
    const [answer] = (await once(signingIn, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['x-auth-token']).toMatch(/^[\w-]{43}$/);
    expect(await sample.ended).toEqual([0, null]);
    expect(sample.pids).toHaveLength(3);
    expect(sample.pids.filter(isRunning)).toEqual([]);
    expect(await isRefused(Number(new URL(sample.redisUrl).port))).toBe(true);
    expect(await readdir(temporary)).toEqual([]);
    expect(sample.output).not.toMatch(/error|has ended/i);
  });
});

describe('a start that fails says why, and leaves nothing behind', () => {
  it('without redis-server: which package brings it', async () => {
    const sample = new Sample(await freePorts(3), { PATH: '/nowhere' });
    expect(await sample.ended).toEqual([1, null]);
    expect(sample.output).toContain('sudo apt-get install redis-server');
    expect(await readdir(temporary)).toEqual([]);
  });

  it.each([
    ['PROCESSES', '0'],
    ['PROCESSES', 'many'],
    ['PORT', '70000'],
  ])('with %s=%s', async (name, value) => {
    const sample = new Sample(await freePorts(3), { [name]: value });
    expect(await sample.ended).toEqual([1, null]);
    expect(sample.output).toContain(`${name} takes a whole number from 1 to `);
  });
});
