import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';

/** The rest is as PostgreSQL has it: fsync, synchronous_commit and full_page_writes are on. */
const SETTINGS = `
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'pg_stat_statements'
max_connections = 200
# What is read is looked for in memory first, as in any server that was set up for production.
shared_buffers = '1GB'
max_wal_size = '4GB'
# Linux keeps it in the data folder, so that it goes with it.
dynamic_shared_memory_type = mmap
`;

/** How long a server may take to answer at first, in ms. */
const PATIENCE = 60_000;

/**
 * Starts a PostgreSQL with an empty cluster, in a temporary folder. It ends with this process.
 *
 * @returns a client of its superuser, its port, and the settings that say how durable it is
 */
export async function startPostgres() {
  const bin = newest();
  // PostgreSQL refuses to be root.
  const user = process.getuid?.() === 0 ? userOf('postgres') : {};
  const dir = mkdtempSync(join(tmpdir(), 'benchmark-postgres-'));
  if (user.uid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale'];
  execFileSync(join(bin, 'initdb'), [...options, `--pgdata=${data}`], { ...user, cwd: dir, stdio: 'ignore' });
  appendFileSync(join(data, 'postgresql.conf'), SETTINGS);

  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-k', dir];
  const server = spawn(join(bin, 'postgres'), args, { ...user, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-10_000)));
  // First of all listeners: an immediate shutdown ends the backends too, and only then the folder may go.
  process.prependOnceListener('exit', () => stopNow(server, data));
  const ended = once(server, 'exit').then(([code]) => {
    throw new Error(`postgres ended with ${code}:\n${log}`);
  });
  ended.catch(() => {});
  const client = await Promise.race([connected(port), ended]);
  const { rows } = await client.query('SHOW data_directory');
  if (rows[0].data_directory !== data) throw new Error(`Another PostgreSQL took port ${port}.`);
  return { client, port, dir };
}

/** The signal alone would leave us before the backends are gone. */
function stopNow(server, data) {
  if (server.exitCode !== null) return;
  server.kill('SIGQUIT');
  const until = Date.now() + 30_000;
  while (existsSync(join(data, 'postmaster.pid')) && Date.now() < until) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

async function connected(port) {
  for (const until = Date.now() + PATIENCE; ;) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (Date.now() > until) throw error;
      await setTimeout(50);
    }
  }
}

function newest() {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const version = versions.find((one) => existsSync(join(root, one, 'bin', 'postgres')));
  if (version === undefined) throw new Error('This part needs PostgreSQL. On Debian: apt-get install postgresql');
  return join(root, version, 'bin');
}

function userOf(name) {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`PostgreSQL does not run as root, and there is no user ${name}.`);
  const [, , uid, gid] = line.split(':').map(Number);
  return { uid, gid };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
