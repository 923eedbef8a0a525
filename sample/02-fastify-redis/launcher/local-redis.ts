import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NOT_INSTALLED = `redis-server is not installed. On Debian or Ubuntu: sudo apt-get install redis-server
On macOS: brew install redis
Or name a server that runs: REDIS_URL=redis://127.0.0.1:6379 npm start -- 02-fastify-redis`;

/** A redis-server on a free port of 127.0.0.1 that forgets everything when the sample ends. */
export class LocalRedis {
  private dir: string | undefined;
  private server: ChildProcess | undefined;

  /**
   * Resolves with the URL when the server takes connections.
   *
   * @throws Error that says what to install
   */
  async start(): Promise<string> {
    const dir = (this.dir = await mkdtemp(join(tmpdir(), '02-fastify-redis-')));
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir];
    // Nothing is kept on disk, and a full memory refuses instead of dropping sessions.
    args.push('--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction');
    // In a group of its own: a Ctrl-C must not end it before the processes that use it.
    const server = spawn('redis-server', args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      let printed = '';
      server.stdout.on('data', (text: Buffer) => {
        printed += text.toString();
        if (!printed.includes('Ready to accept connections')) return;
        server.stdout.removeAllListeners('data').resume();
        resolve();
      });
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'ENOENT' ? new Error(NOT_INSTALLED, { cause: error }) : error),
      );
      server.once('close', () => reject(new Error(`redis-server ended:\n${printed}`)));
    });
    return `redis://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    const { server, dir } = this;
    if (server?.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const gone = once(server, 'exit');
      server.kill('SIGTERM');
      await gone;
    }
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
