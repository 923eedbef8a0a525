import { existsSync, rmSync } from 'node:fs';
import { until } from '../redis/until.js';
import { endPools, poolErrors, poolOf } from './pools.js';
import { PostgresServer, stopServers } from './postgres-server.js';
import { processesIn } from './running.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterEach(endPools);
afterAll(stopServers);

describe('PostgresServer', () => {
  it('answers, in databases that know nothing of each other', async () => {
    const [a, b] = await Promise.all([server.createDatabase(), server.createDatabase()]);
    await poolOf(a).query('CREATE TABLE t (x text)');
    await poolOf(a).query(`INSERT INTO t VALUES ('ü')`);

    expect((await poolOf(a).query('SELECT * FROM t')).rows).toEqual([{ x: 'ü' }]);
    expect(await server.query('SELECT $1::int AS x', [1])).toEqual([{ x: 1 }]);
    await expect(poolOf(b).query('SELECT * FROM t')).rejects.toThrow('does not exist');
    expect(server.log).toContain('relation "t" does not exist');
  });

  it('gives a role what it was granted', async () => {
    const { database } = await server.createDatabase();
    await server.query('CREATE TABLE t (x int)', [], database);
    const reader = poolOf(await server.createRole('reader', ['SELECT ON t'], database));

    expect((await reader.query('SELECT * FROM t')).rows).toEqual([]);
    await expect(reader.query('INSERT INTO t VALUES (1)')).rejects.toThrow('permission denied');
  });

  it('killed in the middle of a write, keeps what was committed and nothing else', async () => {
    const config = await server.createDatabase();
    await server.query('CREATE TABLE t (x int)', [], config.database);
    const pool = poolOf(config);
    await pool.query('INSERT INTO t VALUES (1)');
    const writer = await pool.connect();
    writer.on('error', () => undefined);
    await writer.query('BEGIN');
    await writer.query('INSERT INTO t VALUES (2)');
    // Too busy to notice that its postmaster has died.
    const write = writer.query('DO $$ BEGIN LOOP END LOOP; END $$');
    write.catch(() => undefined);
    await until('the loop', async () => {
      const [row] = await server.query(`SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'`);
      return row !== undefined;
    });
    const data = `${server.dir}/data`;
    expect(processesIn(data).length).toBeGreaterThan(5);

    await server.kill();
    await expect(write).rejects.toThrow();
    expect(processesIn(data)).toEqual([]);
    await expect(server.query('SELECT 1')).rejects.toThrow('ECONNREFUSED');

    await server.restart();
    expect(await server.query('SELECT * FROM t', [], config.database)).toEqual([{ x: 1 }]);
  });

  it('paused, takes connections and answers none of them; restarts out of it', async () => {
    const pool = poolOf(server.config);
    await pool.query('SELECT 1');
    await server.pause();
    const seen: string[] = [];
    const old = pool.query('SELECT 1').then(() => seen.push('old'));
    const fresh = server.query('SELECT 1').then(() => seen.push('new'));
    await expect(poolOf(server.config, { connectionTimeoutMillis: 200 }).query('SELECT 1')).rejects.toThrow('timeout');
    expect(seen).toEqual([]);

    server.resume();
    await Promise.all([old, fresh]);
    expect(seen.sort()).toEqual(['new', 'old']);

    await server.pause();
    await server.restart();
    expect(await server.query('SELECT 1 AS x')).toEqual([{ x: 1 }]);
  });

  it('ends the connections that are asked for', async () => {
    const [a, b] = await Promise.all([server.createDatabase(), server.createDatabase()]);
    const [poolA, poolB] = [poolOf(a), poolOf(b)];
    await Promise.all([poolA.query('SELECT 1'), poolB.query('SELECT 1')]);

    expect(await server.terminateBackends(`datname = '${a.database}'`)).toBe(1);
    await until('the end of the connection', () => poolErrors(poolA).length === 1);
    expect(String(poolErrors(poolA)[0])).toContain('terminating connection due to administrator command');
    expect((await poolA.query('SELECT 1 AS x')).rows).toEqual([{ x: 1 }]);
    expect(poolErrors(poolB)).toEqual([]);
  });

  it('takes arguments, lines of configuration and a folder, whose data outlives it', async () => {
    const first = await PostgresServer.start({
      durable: true,
      config: 'work_mem = 1MB',
      args: ['-c', 'max_wal_senders=3'],
    });
    const settings = async (of: PostgresServer): Promise<unknown[]> => {
      const rows = await of.query(
        `SELECT setting FROM pg_settings WHERE name IN ('fsync', 'max_wal_senders', 'work_mem') ORDER BY name`,
      );
      return rows.map(({ setting }) => setting);
    };
    expect(await settings(first)).toEqual(['on', '3', '1024']);
    expect(await settings(server)).toEqual(['off', '10', '4096']);
    await first.stop();
    expect(existsSync(first.dir)).toBe(false);

    const dir = `${first.dir}-kept`;
    const kept = await PostgresServer.start({ dir });
    await kept.query('CREATE TABLE t (x int)');
    await kept.stop();
    const again = await PostgresServer.start({ dir });
    expect(await again.query('SELECT * FROM t')).toEqual([]);
    await again.stop();
    rmSync(dir, { recursive: true });
  });

  it('says what is wrong with its configuration', async () => {
    await expect(PostgresServer.start({ config: 'no_such_thing = 1' })).rejects.toThrow('no_such_thing');
  });
});
