import { PostgresStore } from 'nestjs-token-session/postgres';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { BLOCKS, GRANTS, HARDENING } from './documented.js';
import { hostOf, idOf, recordOf } from './subject.js';

let server: PostgresServer;
let database: Address;

beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  database = await server.createDatabase();
  await new PostgresStore({ pool: poolOf(database) }).migrate();
});
afterEach(async () => {
  await endPools();
  await server.query('DROP OWNED BY sessions', [], database.database).catch(() => undefined);
  await server.query('DROP ROLE IF EXISTS sessions');
});
afterAll(stopServers);

const run = (text: string): Promise<object[]> => server.query(text, [], database.database);

async function grant(statements: readonly string[]): Promise<PostgresStore> {
  await run(HARDENING);
  for (const statement of statements) await run(statement);
  const store = new PostgresStore({ pool: poolOf({ ...database, user: 'sessions' }) });
  await store.attach(hostOf());
  return store;
}

/** The block of docs/postgres.md that begins like that. */
function block(start: string): string[] {
  const found = BLOCKS.find(([first = '']) => first.startsWith(start));
  if (found === undefined) throw new Error(`docs/postgres.md has no such block: ${start}`);
  return found;
}

describe('13.2.2: the role of docs/postgres.md', () => {
  it('can do all that the store does', async () => {
    expect(GRANTS).toHaveLength(4);
    const store = await grant(GRANTS);
    const id = idOf('a');
    expect(await store.create(id, recordOf('v1'))).toBe(true);
    expect(await store.update(id, recordOf('v2'), 'v1')).toEqual({ status: 'updated' });
    expect(await store.touch(id, recordOf('v2'))).toBe(true);
    expect(await store.users.add('ada', id, 60_000, { max: 1 })).toEqual({ added: true, revoked: [] });
    expect(await store.users.settle('ada', id, 60_000)).toBe(true);
    expect(await store.users.list('ada')).toHaveLength(1);
    expect(await store.users.revoke('ada', { only: id })).toEqual([id]);
    await store.users.remove('ada', [id]);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    expect(await store.count()).toBe(1);
    expect(await store.destroy(id)).toMatchObject({ version: 'v2' });
    await store.clear();
  });

  it.each(GRANTS.slice(1).map((statement, index): [string, number] => [statement, index + 1]))(
    'needs each of its lines: %s',
    async (_statement, index) => {
      const others = GRANTS.filter((_, number) => number !== index);
      await expect(grant(others)).rejects.toMatchObject({
        code: 'INVALID_STORE',
        message: expect.stringMatching('GRANT'),
      });
    },
  );

  it('may make, alter and remove nothing, and reads nothing else', async () => {
    await run('CREATE TABLE other (x int)');
    await grant(GRANTS);
    const pool = poolOf({ ...database, user: 'sessions' });
    for (const statement of [
      'CREATE TABLE public.mine (x int)',
      'ALTER TABLE token_session ADD more int',
      'CREATE INDEX ON token_session (user_id)',
      'TRUNCATE token_session',
      'DROP TABLE token_session',
      'DROP FUNCTION token_session_user_add',
      'SELECT * FROM other',
    ]) {
      await expect(pool.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('gets the limit for statements that a pooler can not end', async () => {
    await grant([...GRANTS, ...block('ALTER ROLE sessions')]);
    const { rows } = await poolOf({ ...database, user: 'sessions' }).query<object>('SHOW statement_timeout');
    expect(rows).toEqual([{ statement_timeout: '5s' }]);
  });

  it('may call migrate() when all is there', async () => {
    const store = await grant(GRANTS);
    await store.migrate();
  });
});

describe('the queries of docs/postgres.md', () => {
  async function fill(): Promise<void> {
    const store = new PostgresStore({ pool: poolOf(database) });
    await store.attach(hostOf());
    const now = Date.now();
    await store.create(idOf('a'), recordOf('v1', { payload: '1\n{"views":3}', userId: 'ada' }));
    await store.users.add('ada', idOf('a'), 600_000, {});
    await store.users.settle('ada', idOf('a'), 600_000);
    await store.create(idOf('b'), recordOf('v1', { payload: `1{"rotatedTo":"${idOf('a')}"}\n` }));
    await store.create(idOf('c'), recordOf('v1', { usedAt: now - 600_001 }));
  }

  it('count living sessions, and not those that have ended or were replaced', async () => {
    await fill();
    const [count = ''] = block('SELECT count(*)');
    expect(await run(count)).toEqual([{ count: '1' }]);
  });

  it("show a user's sessions", async () => {
    await fill();
    const [sessions = ''] = block('SELECT s.id');
    const rows = await run(sessions);
    expect(rows).toEqual([{ id: idOf('a'), began: expect.any(Date), used: expect.any(Date), data: '{"views":3}' }]);
    expect(Math.abs((rows[0] as { used: Date }).used.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('tell sizes', async () => {
    await fill();
    const [sizes = ''] = block('SELECT relname');
    expect(await run(sizes)).toHaveLength(2);
  });

  it('make the tables unlogged, and they work', async () => {
    for (const statement of block('ALTER TABLE token_session SET UNLOGGED')) await run(statement);
    expect(await run(`SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r' ORDER BY 1`)).toEqual([
      { relname: 'token_session' },
      { relname: 'token_session_user' },
    ]);
    await fill();
    await new PostgresStore({ pool: poolOf(database) }).migrate();
  });

  it('move sessions and users to other tables', async () => {
    await fill();
    await run('CREATE SCHEMA app');
    const moved = new PostgresStore({ pool: poolOf(database), schema: 'app' });
    await moved.migrate();
    for (const statement of block('INSERT INTO app.token_session')) await run(statement);
    await moved.attach(hostOf());
    expect(await moved.load(idOf('a'))).toMatchObject({ version: 'v1', userId: 'ada' });
    expect(await moved.users.list('ada')).toEqual([{ id: idOf('a'), settled: true }]);
  });

  it('are all of them', () => {
    const tried = [
      'CREATE ROLE',
      'ALTER ROLE',
      'SELECT count',
      'SELECT s.id',
      'SELECT relname',
      'ALTER TABLE',
      'INSERT',
    ];
    expect(
      BLOCKS.map(([first = '']) => first).filter((first) => !tried.some((start) => first.startsWith(start))),
    ).toEqual([]);
    expect(BLOCKS).toHaveLength(tried.length);
  });
});
