import type { PoolClient } from 'pg';
import { namesOf } from '../../../lib/stores/postgres/postgres-schema.js';
import { statementsOf, type PostgresStatements } from '../../../lib/stores/postgres/postgres-statements.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../../support/postgres/postgres-server.js';
import { openStore } from './subject.js';

const ROWS = 50_000;
const OF_ONE_USER = 20_000;

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
}

const statements = statementsOf(namesOf({ schema: 'public', table: 'token_session' }));
const now = Date.now();

/** What each statement is run with; those of functions are looked at below. */
const VALUES: Record<
  Exclude<keyof PostgresStatements, 'userAdd' | 'userSettle' | 'userRevoke' | 'userRemove'>,
  string
> = {
  load: `'i5'`,
  create: `'new', 'x', 'v', NULL, 1, 1, 1, 1, 1, 1`,
  update: `'i5', 'x', 'v', NULL, ${now}, ${now}, 1, 1, 1, ${now}, 'v'`,
  touch: `'i5', ${now}, ${now}`,
  destroy: `'i5'`,
  destroyVersion: `'i5', 'v'`,
  sweep: `${now}, true`,
  sweepUsers: 'NULL',
  count: `'i5', ${now}`,
  clear: `'i5'`,
  clearUsers: '',
  tell: `ARRAY['i5']`,
  userList: `'u10000', NULL`,
};

let server: PostgresServer;
let client: PoolClient;

beforeAll(async () => {
  server = await PostgresServer.start({ config: 'autovacuum = off\njit = off' });
  const pool = poolOf(await server.createDatabase());
  await openStore({ pool });
  client = await pool.connect();
  await client.query(
    `INSERT INTO token_session SELECT 'i' || n, repeat('x', 300), 'v', NULL, $1::bigint, $1, 600000, 6000000, $1 + 600000
     FROM generate_series(1, ${String(ROWS)}) n`,
    [now],
  );
  await client.query(
    `INSERT INTO token_session_user SELECT CASE WHEN n <= ${String(OF_ONE_USER)} THEN 'many' ELSE 'u' || n / 5 END, 'i' || n,
       $1::bigint + 600000, true, n % 1000 = 0 AND n > ${String(OF_ONE_USER)} FROM generate_series(1, ${String(ROWS)}) n`,
    [now],
  );
  await client.query('ANALYZE');
});
afterAll(async () => {
  client.release();
  await endPools();
  await stopServers();
});

async function planOf(statement: string): Promise<Plan> {
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${statement}`,
  );
  return (rows[0] as { 'QUERY PLAN': [{ Plan: Plan }] })['QUERY PLAN'][0].Plan;
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

const buffersOf = (plan: Plan): number => plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];

describe.each(['force_generic_plan', 'force_custom_plan'])('growth: with 50,000 sessions and entries, %s', (mode) => {
  it.each(Object.keys(VALUES) as (keyof typeof VALUES)[])('%s reads no table from end to end', async (name) => {
    await client.query(`SET plan_cache_mode = ${mode}`);
    await client.query(`PREPARE tried AS ${statements[name].text}`);
    await client.query('BEGIN');
    try {
      const plan = await planOf(`EXECUTE tried${VALUES[name] === '' ? '' : `(${VALUES[name]})`}`);
      const scans = nodesOf(plan).filter((node) => node['Node Type'] === 'Seq Scan');
      // Those without an order take what they meet first, and stop.
      const allowed = name === 'clearUsers' ? 1 : 0;
      expect(scans.map((node) => node['Relation Name'])).toHaveLength(allowed);
      expect(Math.max(0, ...scans.map((node) => node['Actual Rows']))).toBeLessThanOrEqual(2_000);
    } finally {
      await client.query('ROLLBACK');
      await client.query('DEALLOCATE tried');
      await client.query('RESET plan_cache_mode');
    }
  });

  it.each([
    'load',
    'create',
    'update',
    'touch',
    'destroy',
    'destroyVersion',
    'sweep',
    'sweepUsers',
    'userList',
  ] as const)('law of growth: %s, with nothing to sweep, touches no more than 20 pages', async (name) => {
    await client.query(`SET plan_cache_mode = ${mode}`);
    await client.query(`PREPARE tried AS ${statements[name].text}`);
    await client.query('BEGIN');
    try {
      expect(buffersOf(await planOf(`EXECUTE tried(${VALUES[name]})`))).toBeLessThanOrEqual(20);
    } finally {
      await client.query('ROLLBACK');
      await client.query('DEALLOCATE tried');
      await client.query('RESET plan_cache_mode');
    }
  });
});

describe('growth: what a login costs does not depend on how many sessions the user has: 0 or 20,000', () => {
  /** Pages that one call of a function touches, the statements in it included. */
  async function cost(call: string): Promise<number> {
    return buffersOf(await planOf(`SELECT token_session_user_${call}`));
  }

  it.each([
    ['add', (user: string, n: number) => `add('${user}', 'n${String(n)}', 60000, NULL, false, NULL, '{}', NULL)`],
    ['add once more', (user: string) => `add('${user}', 'n9', 60000, NULL, false, NULL, '{}', NULL)`],
    ['settle', (user: string) => `settle('${user}', 'n9', 60000, NULL)`],
    [
      'add in the place of another',
      (user: string, n: number) => `add('${user}', 'r${String(n)}', 60000, 'n9', false, NULL, '{}', NULL)`,
    ],
    ['settle in the place of another', (user: string) => `settle('${user}', 'r9', 60000, NULL)`],
    ['remove', (user: string) => `remove('${user}', '{r9,r8,r7}', NULL)`],
  ])('%s', async (_name, call) => {
    // The first calls plan, and read the catalogue.
    for (let n = 0; n < 9; n++)
      for (const user of ['none', 'many']) await client.query(`SELECT token_session_user_${call(user, n)}`);
    const few = await cost(call('none', 9));
    const many = await cost(call('many', 9));
    expect(few).toBeGreaterThan(0);
    expect(few).toBeLessThanOrEqual(40);
    expect(Math.abs(many - few)).toBeLessThanOrEqual(8);
  });
});
