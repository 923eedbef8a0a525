import { idOf } from '../../../lib/session-token.js';
import { closeApps } from '../../support/app.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp, type PostgresApp } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

let server: PostgresServer;
let address: Address;
let app: PostgresApp;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
  address = await server.createDatabase();
  await migrate(address);
  for (const column of [
    'payload',
    'version',
    'started_at',
    'used_at',
    'idle_timeout',
    'absolute_timeout',
    'sweep_at',
  ]) {
    await sql(`ALTER TABLE token_session ALTER COLUMN ${column} DROP NOT NULL`);
  }
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

const sql = (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  server.query(text, values, address.database);

/** What stands in the place of a session's row; only what can be read as its time can be told from one that has ended. */
const GARBAGE: Record<string, string> = {
  "S52: 'null'": `payload = 'null'`,
  "S52: '42'": `payload = '42'`,
  "S52: '[]'": `payload = '[]'`,
  'S52: nothing': `payload = ''`,
  'S52: random text': `payload = E'\\u00ff\\u0007\\r\\n\\u009b'`,
  'S52: a backslash without its rest': `payload = '\\'`,
  'S52: a payload that ends in its data': `payload = left(payload, -4)`,
  'S52: a payload that ends with its first line': `payload = left(payload, 2)`,
  'S52: a session of connect-pg-simple': `payload = '{"cookie":{"originalMaxAge":null},"views":1}'`,
  'S56: no payload': 'payload = NULL',
  'S56: no version': 'version = NULL',
  'S56: no start': 'started_at = NULL',
  'S56: no use': 'used_at = NULL',
  'S56: no idle limit': 'idle_timeout = NULL',
  'S56: no absolute limit': 'absolute_timeout = NULL',
};

/** Times that no application writes: the session has ended, or has the limits of today's options. */
const TIMES: Record<string, { set: string; status: 'ended' | 'lives' }> = {
  'a start before time': { set: 'started_at = -9223372036854775808', status: 'ended' },
  'a use before time': { set: 'used_at = -1', status: 'ended' },
  'a use after all time': { set: 'used_at = 9223372036854775807', status: 'lives' },
  'limits that are negative': { set: 'idle_timeout = -9223372036854775808', status: 'ended' },
  'limits that are huge': {
    set: 'idle_timeout = 9223372036854775807, absolute_timeout = 9223372036854775807',
    status: 'lives',
  },
  'a sweep that is never due': { set: 'sweep_at = NULL', status: 'lives' },
};

/** Who finds it may read, but has nothing to write to. */
const STATUS = {
  express: { read: 201, write: 401, count: 401, login: 201, logout: 401 },
  fastify: { read: 201, write: 401 },
};

describe.each(PLATFORMS)('what is stored in PostgreSQL, on %s', (platform) => {
  beforeEach(async () => {
    app = await startPostgresApp(platform, barePool(address), { storeTimeout: '5s' });
  });

  async function spoilt(change: string): Promise<{ token: string; id: string }> {
    const token = await app.visit();
    const id = idOf(token);
    await sql(`UPDATE token_session SET ${change} WHERE id = $1`, [id]);
    app.events.length = 0;
    return { token, id };
  }

  it.each(Object.keys(GARBAGE))('%s: signed out, one event, and a new start', async (name) => {
    for (const [operation, status] of Object.entries(STATUS[platform])) {
      const { token, id } = await spoilt(GARBAGE[name] as string);
      const answer = await app.run(operation, token);
      expect([operation, answer.status]).toEqual([operation, status]);
      expect(answer.token).not.toBe(token);
      expect([operation, app.tally().record_corrupt, app.tally().store_failed]).toEqual([operation, 1, undefined]);
      await until('its end', async () => (await sql('SELECT 1 FROM token_session WHERE id = $1', [id])).length === 0);
      expect(await app.run('read', token)).toMatchObject({ status: 201, says: {} });
    }
  });

  it.each(['{', '\n'])(
    'S52: a later format of the payload (%j) is 503 and kept, as a rollback may need it',
    async (end) => {
      const { token, id } = await spoilt(`payload = '2' || E'${end === '\n' ? '\\n' : end}' || payload`);
      const row = await sql('SELECT payload, version FROM token_session WHERE id = $1', [id]);
      for (const operation of ['read', 'write', 'count', 'login']) {
        expect([operation, await app.run(operation, token)]).toMatchObject([
          operation,
          { status: 503, token: undefined, says: 'FORMAT_UNKNOWN' },
        ]);
      }
      expect(await sql('SELECT payload, version FROM token_session WHERE id = $1', [id])).toEqual(row);
      expect((await app.run('write')).status).toBe(201);
    },
  );

  it.each(Object.keys(TIMES))('S56: %s is no error where it is read or ended, nor for a sweep', async (name) => {
    const { set, status } = TIMES[name] as (typeof TIMES)[string];
    const tokens = [(await spoilt(set)).token, (await spoilt(set)).token];
    for (const token of tokens) {
      const read = await app.run('read', token);
      expect(read).toEqual({ status: 201, token: undefined, says: status === 'ended' ? {} : { written: true } });
    }
    expect(await app.run('logout', tokens[0])).toMatchObject({ status: 201 });
    expect(await app.run('is-there', tokens[0])).toMatchObject({ says: false });
    await app.sessions.sweep();
    expect(await app.sessions.count()).toBeGreaterThanOrEqual(0);
    // A touch, for which nobody waits, may not be able to say when such a session ends.
    const failed = app.events.filter((event) => event.type === 'store_failed' && event.operation !== 'touch');
    expect(failed).toEqual([]);
    await app.sessions.clear();
    expect(await sql('SELECT id FROM token_session')).toEqual([]);
  });

  it('S56: an id or a user that is empty or long opens nothing and harms nobody', async () => {
    const ada = (await app.run('login')).token as string;
    await sql(
      `INSERT INTO token_session SELECT x, payload, version, '', started_at, used_at, idle_timeout, absolute_timeout, sweep_at
      FROM token_session, unnest(ARRAY['x', repeat('x', 2000)]) x WHERE id = $1`,
      [idOf(ada)],
    );
    await sql(
      `INSERT INTO token_session_user VALUES ('ada', '', 9e15, true, false), ('ada', repeat('x', 2000), 9e15, true, false)`,
    );
    expect(await app.run('read', ada)).toMatchObject({ status: 201 });
    expect((await app.run('list')).status).toBe(201);
    expect((await app.run('destroy-all')).status).toBe(201);
    expect(await app.run('is-there', ada)).toMatchObject({ says: false });
    await app.sessions.clear();
    expect(await sql('SELECT id FROM token_session')).toEqual([]);
  });

  it('S57: users with long and odd names sign in and out', async () => {
    for (const name of ['x'.repeat(200), '__proto__', "' OR 1=1--", '\\', '\\0', '%', '{tag}', 'ä'.normalize('NFD')]) {
      const { token } = await app.run('login', undefined, name);
      expect([name, (await app.run('list', undefined, name)).says]).toEqual([name, 1]);
      expect([name, (await app.run('destroy-all', undefined, name)).says]).toEqual([name, 1]);
      expect(await app.run('is-there', token)).toMatchObject({ says: false });
    }
  });
});
