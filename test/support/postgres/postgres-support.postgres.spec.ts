import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { until } from '../redis/until.js';
import { PgBouncer } from './pgbouncer.js';
import { endPools, poolOf } from './pools.js';
import { PostgresServer, stopServers } from './postgres-server.js';
import { processesIn } from './running.js';
import { standby } from './standby.js';

const LOADER = `data:text/javascript,import{register}from'node:module';register('${new URL('../redis/typescript-loader.js', import.meta.url).href}')`;
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  const here = process.argv[1];
  const { PostgresServer } = await import(here + 'postgres-server.ts');
  const { PgBouncer } = await import(here + 'pgbouncer.ts');
  const server = await PostgresServer.start();
  const bouncer = await PgBouncer.start(server);
  const memory = Number(readFileSync(server.dir + '/data/postmaster.pid', 'utf8').split('\\n')[6].trim().split(/ +/)[1]);
  console.log(JSON.stringify({ dir: server.dir, bouncer: bouncer.pid, memory }));
  setInterval(() => undefined, 1000);
`;

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterEach(endPools);
afterAll(stopServers);

describe('standby', () => {
  it('reads what the primary wrote and refuses writes, until it is promoted', async () => {
    const { database } = await server.createDatabase();
    await server.query('CREATE TABLE t (x int)', [], database);
    const { server: second, caughtUp, promote } = await standby(server);
    await server.query('INSERT INTO t VALUES (1)', [], database);
    await caughtUp();

    expect(await second.query('SELECT * FROM t', [], database)).toEqual([{ x: 1 }]);
    const insert = () => second.query('INSERT INTO t VALUES (2)', [], database);
    await expect(insert()).rejects.toMatchObject({ code: '25006' });

    await promote();
    await insert();
    expect(await second.query('SELECT x FROM t ORDER BY x', [], database)).toEqual([{ x: 1 }, { x: 2 }]);
    expect(await server.query('SELECT * FROM t', [], database)).toEqual([{ x: 1 }]);
  });

  it('lags while it is told to', async () => {
    const { server: second, caughtUp } = await standby(server);
    const { database } = await server.createDatabase();
    await caughtUp();
    await second.query('SELECT pg_wal_replay_pause()');
    await until('the pause', async () => {
      const [row] = await second.query('SELECT pg_get_wal_replay_pause_state() AS state');
      return row?.state === 'paused';
    });
    await server.query('CREATE TABLE t (x int)', [], database);
    let level = false;
    const reached = caughtUp().then(() => (level = true));
    await expect(second.query('SELECT * FROM t', [], database)).rejects.toThrow('does not exist');
    expect(level).toBe(false);

    await second.query('SELECT pg_wal_replay_resume()');
    await reached;
    expect(await second.query('SELECT * FROM t', [], database)).toEqual([]);
  });
});

describe('PgBouncer', () => {
  it('gives one client connection several backends in transaction mode, one in session mode', async () => {
    await server.createRole('somebody');
    const backends = async (bouncer: PgBouncer): Promise<Set<unknown>> => {
      const [client, other] = [0, 1].map(() =>
        poolOf(bouncer.before({ ...server.config, user: 'somebody' }), { max: 1 }),
      );
      const pid = async (): Promise<unknown> => (await client?.query('SELECT pg_backend_pid() AS pid'))?.rows[0]?.pid;
      const first = await pid();
      const holder = await other?.connect();
      await holder?.query('BEGIN');
      await holder?.query('SELECT 1');
      const second = await pid();
      await holder?.query('COMMIT');
      holder?.release();
      return new Set([first, second]);
    };
    const byTransaction = await PgBouncer.start(server, { poolMode: 'transaction', poolSize: 2 });
    expect((await backends(byTransaction)).size).toBe(2);
    const bySession = await PgBouncer.start(server, { poolMode: 'session', poolSize: 2 });
    expect((await backends(bySession)).size).toBe(1);

    await byTransaction.stop();
    await expect(poolOf(byTransaction.config).query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('statements', () => {
  it('counts what succeeded in one database', async () => {
    const config = await server.createDatabase();
    await server.resetStatements(config.database);
    const pool = poolOf(config);
    for (const x of [1, 2, 3]) await pool.query('SELECT $1::int AS x', [x]);
    await pool.query('SELECT 4::int AS x');
    await expect(pool.query('SELECT 1/0')).rejects.toThrow();
    await poolOf(await server.createDatabase()).query('SELECT 1');

    expect(await server.statements(config.database)).toEqual([{ text: 'SELECT $1::int AS x', calls: 4, rows: 4 }]);
    await server.resetStatements(config.database);
    expect(await server.statements(config.database)).toEqual([]);
  });
});

describe('tableStats', () => {
  it('counts the writes that were committed before', async () => {
    const config = await server.createDatabase();
    const pool = poolOf(config);
    await pool.query('CREATE TABLE t (id int PRIMARY KEY, x int)');
    await pool.query('CREATE INDEX ON t (x)');
    await pool.query('INSERT INTO t VALUES (1, 1), (2, 2)');
    for (const x of [1, 2, 3]) {
      await pool.query('UPDATE t SET x = $1 WHERE id = 1', [x]);
      // The first time leaves the index alone.
      expect(await server.tableStats(config.database, 't')).toMatchObject({ inserted: 2, updated: x, hotUpdated: 1 });
    }
    await pool.query('DELETE FROM t WHERE id = 2');
    expect(await server.tableStats(config.database, 't')).toMatchObject({ deleted: 1, live: 1 });
    await expect(server.tableStats(config.database, 'u')).rejects.toThrow('does not exist');
  });
});

describe('a process that dies', () => {
  it('takes its servers with it', async () => {
    const child = spawn(
      process.execPath,
      ['--import', LOADER, '--input-type=module', '--eval', PROGRAM, new URL('./', import.meta.url).href],
      { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const { dir, bouncer, memory } = JSON.parse(said.toString()) as { dir: string; bouncer: number; memory: number };
    const left = () => [...processesIn(`${dir}/data`), ...(existsSync(`/proc/${bouncer}`) ? [bouncer] : [])];
    expect(left().length).toBeGreaterThan(5);
    const segments = () => readFileSync('/proc/sysvipc/shm', 'utf8');
    expect(segments()).toMatch(new RegExp(`^ +-?\\d+ +${memory} `, 'm'));

    child.kill('SIGKILL');
    await until('the end of what it started', () => left().length === 0 && !existsSync(dir));
    expect(segments()).not.toMatch(new RegExp(`^ +-?\\d+ +${memory} `, 'm'));
  });
});
