import { until } from '../redis/until.js';
import { endPools, poolOf } from './pools.js';
import { closeProxies, PostgresProxy } from './postgres-proxy.js';
import { PostgresServer, stopServers, type Address } from './postgres-server.js';

let server: PostgresServer;
let direct: Address;
let proxy: PostgresProxy;

beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  direct = await server.createDatabase();
  await server.query('CREATE TABLE t (x int)', [], direct.database);
  proxy = await PostgresProxy.start(server);
});
afterEach(async () => {
  await endPools();
  closeProxies();
});
afterAll(stopServers);

const rows = () => server.query('SELECT x FROM t ORDER BY x', [], direct.database);

describe('PostgresProxy', () => {
  it('passes statements of all forms and sees their texts', async () => {
    const pool = poolOf(proxy.before(direct), { max: 1 });
    await pool.query('INSERT INTO t VALUES (1)');
    await pool.query('INSERT INTO t VALUES ($1)', [2]);
    for (const x of [3, 4]) await pool.query({ name: 'add', text: 'INSERT INTO t VALUES ($1::int)', values: [x] });
    const large = 'x'.repeat(500_000);

    expect((await pool.query('SELECT $1 AS x', [large])).rows).toEqual([{ x: large }]);
    expect(await rows()).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }, { x: 4 }]);
    expect(proxy.statements).toEqual([
      'INSERT INTO t VALUES (1)',
      'INSERT INTO t VALUES ($1)',
      'INSERT INTO t VALUES ($1::int)',
      'INSERT INTO t VALUES ($1::int)',
      'SELECT $1 AS x',
    ]);
  });

  it('stalls: nothing arrives, or only the reply does not', async () => {
    const pool = poolOf(proxy.before(direct), { max: 1 });
    await pool.query('SELECT 1');

    proxy.stall();
    const first = pool.query('INSERT INTO t VALUES (1)');
    await expect(poolOf(proxy.before(direct), { connectionTimeoutMillis: 200 }).connect()).rejects.toThrow('timeout');
    expect(await rows()).toEqual([]);
    proxy.resume();
    await first;

    proxy.stallReplies();
    let answered = false;
    const second = pool.query('INSERT INTO t VALUES (2)').then(() => (answered = true));
    await until('the row', async () => (await rows()).length === 2);
    expect(answered).toBe(false);
    proxy.resume();
    await second;
  });

  it.each(['simple', 'extended'])('loses the reply of one statement that was committed: %s', async (form) => {
    const pool = poolOf(proxy.before(direct), { max: 1 });
    await pool.query('SELECT 1');
    const lost = proxy.loseNextReply((text) => text.startsWith('INSERT'));
    expect((await pool.query('SELECT 2 AS x')).rows).toEqual([{ x: 2 }]);

    const insert =
      form === 'simple' ? pool.query('INSERT INTO t VALUES (1)') : pool.query('INSERT INTO t VALUES ($1)', [1]);
    await expect(insert).rejects.toThrow('Connection terminated unexpectedly');
    expect(await lost).toMatch(/^INSERT/);
    expect(await rows()).toEqual([{ x: 1 }]);
    expect((await pool.query('SELECT 3 AS x')).rows).toEqual([{ x: 3 }]);
  });

  it('cuts in the middle of a statement, which is not carried out', async () => {
    const pool = poolOf(proxy.before(direct), { max: 1 });
    await pool.query('SELECT 1');
    const cut = proxy.cutAfterRequestBytes(10);
    await expect(pool.query('INSERT INTO t VALUES (1)')).rejects.toThrow();
    await cut;
    await pool.query('SELECT 1');
    expect(await rows()).toEqual([]);
  });

  it('cuts, refuses and leads elsewhere', async () => {
    const other = await PostgresServer.start();
    const pool = poolOf(proxy.before(server.config), { max: 1 });
    const port = async (): Promise<unknown> => (await pool.query(`SELECT current_setting('port') AS x`)).rows[0]?.x;
    expect(await port()).toBe(String(server.port));

    proxy.target = other;
    expect(await port()).toBe(String(server.port));
    const gone = new Promise((resolve) => pool.once('error', resolve));
    proxy.cut();
    await gone;
    expect(await port()).toBe(String(other.port));

    proxy.refuse();
    await expect(poolOf(proxy.before(direct)).query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
    expect(await port()).toBe(String(other.port));
    await proxy.accept();
    await poolOf(proxy.before(server.config)).query('SELECT 1');
    expect(proxy.connections).toBe(2);
  });
});
