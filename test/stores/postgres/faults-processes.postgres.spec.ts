import { Client } from 'pg';
import type { Seen } from '../../support/flight.js';
import { migrate } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { SessionProcess, stopProcesses } from '../../support/postgres/session-processes.js';
import { until } from '../../support/redis/until.js';

const MAX = 3;
/** By how much the clocks of two of the processes differ, in ms. */
const APART = 200_000;
const ENDED: Seen = { status: 401, token: undefined, says: 'SESSION_ENDED' };
const TOKEN = expect.stringMatching(/^[\w-]{43}$/) as string;

let server: PostgresServer;
let address: Address;
let processes: SessionProcess[];

beforeAll(async () => {
  server = await PostgresServer.start();
  address = await server.createDatabase();
  await migrate(address);
  // Each in another zone, with another pool, and minutes apart by their clocks (C47, C51).
  const zones = ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Chatham'];
  processes = await Promise.all(
    zones.map((TZ, index) => {
      const limited = index < 2 ? {} : { maxPerUser: MAX, onMaxPerUser: 'reject' as const };
      const platform = index % 2 === 0 ? 'express' : 'fastify';
      return SessionProcess.start(
        {
          platform,
          pool: { ...address, max: 2 + index },
          session: { storeTimeout: '10s', ...limited },
          ahead: (index - 1) * APART,
        },
        { TZ },
      );
    }),
  );
});
afterAll(async () => {
  await stopProcesses();
  await stopServers();
});

const at = (index: number): SessionProcess => processes[index % processes.length] as SessionProcess;

const visit = async (): Promise<string> => (await at(0).run('write')).token as string;

/** How many of these tokens open a session, asked everywhere. */
async function opening(tokens: readonly string[]): Promise<number> {
  const found = await Promise.all(tokens.map((token, index) => at(index).run('is-there', token)));
  return found.filter(({ says }) => says === true).length;
}

const sql = (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  server.query(text, values, address.database);

describe('several processes on one PostgreSQL', () => {
  it('ASVS 7.2.1, R58: what one has ended no other opens, at its next request', async () => {
    for (let round = 0; round < 8; round++) {
      const token = await visit();
      expect(await opening([token, token, token, token])).toBe(4);
      expect(await at(round).run('logout', token)).toEqual({ status: 201, token: '', says: null });
      for (const process of processes) {
        expect(await process.run('is-there', token)).toMatchObject({ status: 201, says: false });
      }
    }
  });

  it('law 5: increments of all of them count exactly', async () => {
    const token = await visit();
    const answers = await Promise.all(
      Array.from({ length: 3 }).flatMap(() =>
        processes.map(async (process) => {
          const seen: Seen[] = [];
          for (let count = 0; count < 8; count++) seen.push(await process.run('count', token));
          return seen;
        }),
      ),
    );
    const done = answers.flat().filter(({ status }) => status === 201).length;
    // Under that many at once some may run out of tries, and are told so.
    const refused = answers.flat().filter(({ says }) => says === 'SESSION_CONFLICT').length;
    expect(done + refused).toBe(96);
    expect(done).toBeGreaterThan(80);
    expect((await at(1).run('read', token)).says).toEqual({ written: true, count: done });
  });

  it('ASVS 7.1.2: a storm of logins with maxPerUser 3 leaves exactly 3', async () => {
    // Each takes its time to enter the index: without a lock, others would have looked meanwhile.
    await sql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_sleep(0.05); RETURN NEW; END $$`);
    await sql('CREATE TRIGGER slow BEFORE INSERT ON token_session_user FOR EACH ROW EXECUTE FUNCTION slow()');
    const limited = processes.slice(2);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (limited[index % 2] as SessionProcess).run('login', undefined, 'max')),
    );
    await sql('DROP TRIGGER slow ON token_session_user');
    const tokens = answers.flatMap(({ token }) => token ?? []);
    const refusals = answers.filter(({ status }) => status !== 201);
    expect(refusals.filter(({ says }) => says !== 'TOO_MANY_SESSIONS')).toEqual([]);
    expect(tokens).toHaveLength(MAX);
    expect(await opening(tokens)).toBe(MAX);
    for (const process of processes) expect((await process.run('list', undefined, 'max')).says).toBe(MAX);
    expect((await at(0).run('destroy-all', undefined, 'max')).says).toBe(MAX);
    expect(await opening(tokens)).toBe(0);
  });

  it('R60, C47: a login on its way is ended by destroyAll of a process whose clock is minutes ahead', async () => {
    const client = new Client(address);
    await client.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE token_session IN SHARE MODE');
    const login = at(0).run('login', undefined, 'dan');
    await until(
      'an entry',
      async () => (await sql("SELECT 1 FROM token_session_user WHERE user_id = 'dan'")).length === 1,
    );
    const ended = at(3).run('destroy-all', undefined, 'dan');
    await until('its end', async () => {
      return (await sql("SELECT 1 FROM token_session_user WHERE user_id = 'dan' AND NOT revoked")).length === 0;
    });
    await client.query('COMMIT');
    await client.end();
    expect((await ended).status).toBe(201);
    expect(await login).toEqual(ENDED);
    expect((await at(0).run('list', undefined, 'dan')).says).toBe(0);
    expect(await sql("SELECT 1 FROM token_session WHERE user_id = 'dan'")).toEqual([]);
  });

  it('ASVS 7.4.3, R60: of a loop of logins nothing older survives a destroyAll of another process', async () => {
    let isOver = false;
    const given: string[] = [];
    const strange: Seen[] = [];
    const loops = [1, 2, 0, 1, 0].map(async (index) => {
      while (!isOver) {
        const answer = await at(index).run('login', undefined, 'eve');
        if (answer.token !== undefined) given.push(answer.token);
        else if (answer.says !== 'SESSION_ENDED' && answer.says !== 'TOO_MANY_SESSIONS') strange.push(answer);
      }
    });
    const older: string[] = [];
    for (let round = 0; round < 6; round++) {
      await until('a login', () => given.length > 2);
      const before = given.splice(0);
      expect((await at(3).run('destroy-all', undefined, 'eve')).status).toBe(201);
      older.push(...before);
      expect(await opening(before)).toBe(0);
    }
    isOver = true;
    await Promise.all(loops);
    expect(strange).toEqual([]);
    expect(older.length).toBeGreaterThan(15);
    expect(await opening(older)).toBe(0);
    const left = await opening(given);
    expect((await at(0).run('list', undefined, 'eve')).says).toBe(left);
    expect((await at(0).run('destroy-all', undefined, 'eve')).says).toBe(left);
    expect(await opening(given)).toBe(0);
  });

  it('R58, R64: sweeps of all at once remove each ended session once, and no login', async () => {
    const living = await visit();
    const before = (await sql('SELECT id FROM token_session')).length;
    const now = Date.now();
    await server.query(
      `INSERT INTO token_session SELECT 'old' || n, '1', '1', NULL, t, t, 1000, 1000, t + 1000
       FROM (SELECT $1::bigint AS t) AS times, generate_series(1, 3000) AS n`,
      [now - 60_000],
      address.database,
    );
    const logins = Array.from({ length: 10 }, (_, index) =>
      at(index % 2).run('login', undefined, `user${String(index)}`),
    );
    const swept = await Promise.all(processes.map((process) => process.run('sweep')));
    expect(swept.reduce((sum, { says }) => sum + Number(says), 0)).toBe(3000);
    expect(swept.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    const answers = await Promise.all(logins);
    expect(answers).toEqual(answers.map(() => ({ status: 201, token: TOKEN, says: null })));
    expect(await opening([living, ...answers.map(({ token }) => token as string)])).toBe(11);
    expect(await sql('SELECT id FROM token_session')).toHaveLength(before + 10);
  });

  it('R58: a write of one that comes after the logout of another is told, and brings nothing back', async () => {
    for (let round = 0; round < 10; round++) {
      const token = await visit();
      const [counted, left] = await Promise.all([at(round).run('count', token), at(round + 1).run('logout', token)]);
      expect(left).toEqual({ status: 201, token: '', says: null });
      expect([201, 401]).toContain(counted.status);
      if (counted.status === 401) expect(counted).toEqual(ENDED);
      expect(await opening([token, token])).toBe(0);
    }
  });

  it('F74, law 9: connections that end under load end no process, and none writes a word', async () => {
    const token = await visit();
    let isOver = false;
    const load = processes.map(async (process) => {
      while (!isOver) await process.run('read', token);
    });
    for (let round = 0; round < 3; round++) await server.terminateBackends(`datname = '${address.database}'`);
    isOver = true;
    await Promise.all(load);
    await server.terminateBackends(`datname = '${address.database}'`);
    expect(await opening([token, token, token, token])).toBe(4);
    expect(processes.map(({ isAlive, errors }) => [isAlive, errors])).toEqual(processes.map(() => [true, '']));
  });
});
