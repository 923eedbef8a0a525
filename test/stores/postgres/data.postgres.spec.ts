import { Body, Controller, Get, Post } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { PLATFORMS, type Platform } from '../../support/platforms.js';
import { program, run } from '../../support/postgres/installation.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { idOf, openStore, recordOf } from './subject.js';

/** As JSON, as a body brings it. */
const DATA: [string, string][] = [
  ['D33: __proto__', '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'],
  ['D34: names of members', '{"toJSON":"a","toString":1,"then":"b","hasOwnProperty":null,"valueOf":[]}'],
  ['D37: NUL', '{"nul":"a\\u0000b\\u0000","\\u0000":1,"end":"\\u0000"}'],
  ['D37: lone surrogates', '{"high":"\\ud800","low":"\\udc00x","swapped":"\\udc00\\ud800","\\ud800":"key"}'],
  ['D37: what is no character', '{"a":"\\ufffe\\uffff\\ufffd\\ufeff"}'],
  ['text beyond the first plane', '{"a":"😀𝒳","😀":"𝒳"}'],
  [
    'backslashes and quotes',
    '{"a":"\\\\","b":"\\\\0\\\\\\\\0","c":"\'; DROP TABLE token_session; --","d":"\\\\x41 E\'"}',
  ],
  ['what begins with a backslash', '{"\\\\":"\\\\\\u0000"}'],
  ['the order of keys', '{"z":1,"a":2,"m":{"y":1,"b":2},"10":3,"9":4}'],
  ['line breaks', '{"a":"\\n\\r\\n\\u2028\\u2029\\t"}'],
  ['numbers', '{"a":1e21,"b":-1.5e-9,"c":9007199254740993,"d":0.1}'],
  ['60 KB', JSON.stringify({ a: 'ä€😀'.repeat(6_000) })],
];

@Controller()
class DataController {
  constructor(private readonly sessions: SessionService) {}

  @Post('keep')
  keep(@Session() sess: Session<Record<string, unknown>>, @Body() { text }: { text: string }): void {
    const data = JSON.parse(text) as Record<string, unknown>;
    sess['data'] = data;
    for (const key of Object.keys(data).filter((name) => name !== '__proto__')) sess[key] = data[key];
  }

  @Get('kept')
  kept(@Session() sess: Session<Record<string, unknown>>): { text: string; names: string[]; admin: unknown } {
    const { data, ...rest } = sess as Record<string, unknown>;
    return {
      text: JSON.stringify(data),
      names: Object.keys(rest),
      admin: ({} as { admin?: unknown }).admin,
    };
  }

  @Post('login')
  async login(@Session() sess: Session): Promise<void> {
    await this.sessions.login(sess, 'ада\\', { label: "it's \\ mine" });
  }

  @Post('logout')
  async logout(@Session() sess: Session): Promise<void> {
    await this.sessions.destroy(sess);
  }

  @Get('list')
  list(): Promise<unknown> {
    return this.sessions.list('ада\\');
  }
}

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
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

async function start(platform: Platform): Promise<string> {
  const store = new PostgresStore({ pool: poolOf(database) });
  return (await startApp(platform, { controllers: [DataController], session: { store, maxBytes: 1_000_000 } })).url;
}

const withoutProto = (text: string): string[] =>
  Object.keys(JSON.parse(text) as object).filter((name) => name !== '__proto__');

describe.each(PLATFORMS)('law 11: what goes in at one instance comes out at another, on %s', (platform) => {
  let one: string;
  let other: string;

  beforeEach(async () => {
    [one, other] = [await start(platform), await start(platform)];
  });

  it.each(DATA)('%s', async (_name, text) => {
    const { status, token } = await call(one, '/keep', { method: 'POST', body: { text } });
    expect(status).toBe(201);
    for (const url of [one, other]) {
      expect((await call(url, '/kept', { token })).json()).toEqual({
        text: JSON.stringify(JSON.parse(text)),
        names: withoutProto(text),
      });
    }
  });

  it('D37: a user with any name', async () => {
    const { token } = await call(one, '/login', { method: 'POST' });
    expect(token).toBeDefined();
    expect((await call(other, '/list')).json()).toMatchObject([{ userId: 'ада\\', label: "it's \\ mine" }]);
  });
});

it.each(['\0', 'a\0b', '\\', '\\0', '\\\0', '\\\\0\0\\', '\\x00', '0\\'])(
  'D37: text of another codec than JSON, which may hold a NUL, comes back: %j',
  async (text) => {
    const store = await openStore({ pool: poolOf(database) });
    const record = recordOf(`v${text}`, { payload: text, userId: `u${text}` });
    expect(await store.create(idOf('a'), record)).toBe(true);
    expect(await store.load(idOf('a'))).toEqual(record);
    expect(await store.update(idOf('a'), recordOf('v2'), `v${text}`)).toEqual({ status: 'updated' });
    await store.users.add(text, text, 60_000, {});
    expect(await store.users.list(text)).toEqual([{ id: text, settled: false }]);
    expect(await store.users.revoke(text, { only: text })).toEqual([text]);
  },
);

it('ordinary data can be read by people: the payload is a line about it, and then JSON', async () => {
  const url = await start('express');
  await call(url, '/keep', { method: 'POST', body: { text: '{"views":3,"theme":"dark"}' } });
  const rows = await server.query(
    `SELECT (split_part(payload, E'\\n', 2)::json)->>'theme' AS theme, payload FROM token_session`,
    [],
    database.database,
  );
  expect(rows).toEqual([{ theme: 'dark', payload: '1\n{"data":{"views":3,"theme":"dark"},"views":3,"theme":"dark"}' }]);
});

it('11.2.4: a dump of the whole database, and the log of the server, hold no token that was ever issued', async () => {
  await server.query('ALTER SYSTEM SET log_statement = $$all$$'.replaceAll('$$', "'"));
  await server.query('SELECT pg_reload_conf()');
  const url = await start('fastify');
  const tokens: string[] = [];
  const ids: string[] = [];
  for (let visitor = 0; visitor < 10; visitor++) {
    const { token } = await call(url, '/keep', { method: 'POST', body: { text: '{"a":1}' } });
    const signedIn = await call(url, '/login', { method: 'POST', token });
    tokens.push(String(token), String(signedIn.token));
    if (visitor === 0) await call(url, '/logout', { method: 'POST', token: signedIn.token });
  }
  for (const { id } of await server.query<{ id: string }>('SELECT id FROM token_session', [], database.database)) {
    ids.push(id);
  }
  const dump = await run(
    program('pg_dump'),
    ...['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', '--inserts', database.database],
  );
  expect(new Set(tokens).size).toBe(20);
  // Ten visitors, nine of them signed in, and ten tokens that were replaced within the last minute.
  expect(ids).toHaveLength(19);
  // What would be seen if it were there.
  expect(ids.filter((id) => !dump.includes(id))).toEqual([]);
  expect(ids.some((id) => server.log.includes(id))).toBe(true);
  expect(tokens.filter((token) => dump.includes(token) || server.log.includes(token))).toEqual([]);
});
