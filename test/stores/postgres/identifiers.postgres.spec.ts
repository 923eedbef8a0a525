import { namesOf } from '../../../lib/stores/postgres/postgres-schema.js';
import { quoted } from '../../../lib/stores/postgres/postgres-statement.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { hostOf, idOf, openStore, recordOf } from './subject.js';
import { postgresSchema, PostgresStore } from 'nestjs-token-session/postgres';

const NAMES: [string, string][] = [
  ['a quote', `o'clock`],
  ['double quotes', `"quoted"`],
  ['a dot', 'public.other'],
  ['blanks', ' a  b '],
  ['a line break', 'a\nb'],
  ['backslashes', `\\a\\\\b\\'`],
  ['upper case', 'TokenSession'],
  ['unicode', 'сессии_😀'],
  ['a key word', 'select'],
  ['SQL', `x"; DROP TABLE canary; --`],
  ['SQL in a text', `x'); DROP TABLE canary; --`],
  ['a comment', 'a/*b--c'],
  ['placeholders', '%I %s :1 ?'],
  ['40 bytes', 't'.repeat(40)],
  ['40 bytes of 10 characters', '😀'.repeat(10)],
];

let server: PostgresServer;
let database: Address;

beforeAll(async () => {
  server = await PostgresServer.start();
  database = await server.createDatabase();
  await server.query('CREATE TABLE canary (x int)', [], database.database);
});
afterEach(async () => {
  await endPools();
  expect(await server.query('SELECT * FROM canary', [], database.database)).toEqual([]);
});
afterAll(stopServers);

/** Everything once, so that each statement and function has run under these names. */
async function useAll(store: PostgresStore): Promise<void> {
  const id = idOf('a');
  expect(await store.create(id, recordOf('v1', { userId: 'ada' }))).toBe(true);
  expect(await store.update(id, recordOf('v2'), 'v1')).toEqual({ status: 'updated' });
  expect(await store.touch(id, recordOf('v2'))).toBe(true);
  expect(await store.load(id)).toMatchObject({ version: 'v2' });
  expect(await store.users.add('ada', id, 60_000, { max: 1 })).toEqual({ added: true, revoked: [] });
  expect(await store.users.settle('ada', id, 60_000)).toBe(true);
  expect(await store.users.list('ada')).toEqual([{ id, settled: true }]);
  expect(await store.users.revoke('ada', { only: id })).toEqual([id]);
  await store.users.remove('ada', [id]);
  expect(await store.destroy(id, 'v2')).toMatchObject({ version: 'v2' });
  await store.create(id, recordOf('v1'));
  expect(await store.count()).toBe(1);
  expect(await store.sweep()).toEqual({ removed: 0, done: true });
  await store.clear();
  expect(await store.count()).toBe(0);
}

const relations = async (): Promise<string[]> =>
  (
    await server.query<{ name: string }>(
      `SELECT nspname || '|' || relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       WHERE relkind IN ('r', 'i') AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1`,
      [],
      database.database,
    )
  ).map(({ name }) => name);

describe('CVE-2019-15658: a name is a name, whatever is in it', () => {
  it.each(NAMES)('%s', async (_what, name) => {
    await server.query(`CREATE SCHEMA ${quoted(name)}`, [], database.database);
    const pool = poolOf(database);
    await useAll(await openStore({ pool, table: name }));
    await useAll(await openStore({ pool, schema: name, table: name }));
    expect(await relations()).toEqual(
      expect.arrayContaining([`public|${name}`, `public|${name}_user`, `${name}|${name}`, `${name}|${name}_user`]),
    );
  });

  it.each([
    ['no search_path', '-c search_path='],
    ['a search_path that leads to another table of that name', '-c search_path=decoy,public'],
    ['standard_conforming_strings off', '-c standard_conforming_strings=off'],
    ['another style of dates and numbers', '-c DateStyle=German -c IntervalStyle=iso_8601 -c extra_float_digits=-5'],
  ])('the settings of a connection change nothing: %s', async (_what, options) => {
    await server.query(
      'CREATE SCHEMA IF NOT EXISTS decoy; CREATE TABLE IF NOT EXISTS decoy.token_session (x int)',
      [],
      database.database,
    );
    const table = `o'clock \\ "x"`;
    await useAll(await openStore({ pool: poolOf(database, { options }), table }));
    await useAll(await openStore({ pool: poolOf(database, { options }) }));
    expect(await server.query('SELECT * FROM decoy.token_session', [], database.database)).toEqual([]);
  });
});

describe('stores that share a database', () => {
  it.each([
    ['two tables in one schema', { table: 'a' }, { table: 'b' }],
    ['one table name in two schemas', { schema: 'one' }, { schema: 'two' }],
    ['names that differ by case', { table: 'Sessions' }, { table: 'sessions' }],
    ['names that are alike with a dot between', { schema: 'one', table: 'a.b' }, { schema: 'one.a', table: 'b' }],
  ])('%s do not meet', async (_what, first, second) => {
    for (const { schema = 'public' } of [first, second] as { schema?: string }[]) {
      await server.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`, [], database.database);
    }
    const pool = poolOf(database);
    const [one, two] = [await openStore({ pool, ...first }), await openStore({ pool, ...second })];
    const id = idOf('a');
    await one.create(id, recordOf('of one'));
    await one.users.add('ada', id, 60_000, {});
    expect(await two.load(id)).toBeUndefined();
    expect(await two.users.list('ada')).toEqual([]);
    expect(await two.users.add('ada', id, 60_000, { max: 1 })).toEqual({ added: true, revoked: [] });
    expect(await two.create(id, recordOf('of two'))).toBe(true);
    await two.clear();
    expect(await one.load(id)).toMatchObject({ version: 'of one' });
    expect(await one.users.list('ada')).toHaveLength(1);
  });
});

describe('postgresSchema()', () => {
  const layout = async ({ database: name }: Address): Promise<unknown> => {
    const ask = (text: string): Promise<unknown> => server.query(text, [], name);
    return {
      columns: await ask(
        `SELECT table_name, column_name, ordinal_position, data_type, collation_name, is_nullable
         FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 3`,
      ),
      indexes: await ask(`SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`),
      options: await ask(
        `SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
      ),
      functions: await ask(
        `SELECT pg_get_functiondef(oid) AS def FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`,
      ),
    };
  };

  it.each([
    ['the defaults', {}],
    ['other names', { table: `o'clock "x" \\` }],
  ])('S55: run one by one, and once more, it makes what migrate() makes: %s', async (_what, options) => {
    const [byHand, byItself] = [await server.createDatabase(), await server.createDatabase()];
    const statements = postgresSchema(options);
    for (const statement of [...statements, ...statements]) await server.query(statement, [], byHand.database);
    await new PostgresStore({ pool: poolOf(byItself), ...options }).migrate();
    expect(await layout(byHand)).toEqual(await layout(byItself));
    const store = new PostgresStore({ pool: poolOf(byHand), ...options });
    await store.attach(hostOf());
    await useAll(store);
  });

  it('names nothing that is longer than PostgreSQL keeps', async () => {
    const names = namesOf({ schema: 's'.repeat(63), table: '😀'.repeat(10) });
    const { sessions, users, add, settle, revoke, remove } = names;
    for (const name of [sessions, users, add, settle, revoke, remove].flatMap((text) => text.match(/"[^"]+"/g) ?? [])) {
      expect(Buffer.byteLength(name) - 2).toBeLessThanOrEqual(63);
    }
    const table = '😀'.repeat(10);
    await server.query('CREATE SCHEMA long', [], database.database);
    await openStore({ pool: poolOf(database), schema: 'long', table });
    const indexes = await server.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'long'`,
      [],
      database.database,
    );
    expect(indexes.length).toBeGreaterThanOrEqual(4);
    expect(indexes.filter(({ name }) => !name.startsWith(table))).toEqual([]);
  });
});
