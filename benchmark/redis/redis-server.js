import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';

/**
 * Starts a redis-server that keeps everything in memory. It ends with this process.
 *
 * @returns a client of it, and its port
 */
export async function startRedis() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'benchmark-redis-'));
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args.map(String), { stdio: 'ignore' });
  process.once('exit', () => {
    server.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });
  await once(server, 'spawn').catch((cause) => {
    throw new Error('This part needs redis-server. On Debian: apt-get install redis-server', { cause });
  });
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`redis-server ended with ${code}.`);
  });
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  // Until the server listens; the driver tries again.
  client.on('error', () => {});
  await Promise.race([client.connect(), ended]);
  const info = await client.info('server');
  if (fieldOf(info, 'process_id') !== String(server.pid)) throw new Error(`Another Redis took port ${port}.`);
  return { client, port };
}

/** The value of a field of INFO. */
export const fieldOf = (info, name) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
