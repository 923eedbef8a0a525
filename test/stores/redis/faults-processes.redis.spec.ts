import type { Seen } from '../../support/flight.js';
import { PLACES } from '../../support/redis/redis-app.js';
import { SessionProcess, stopProcesses } from '../../support/redis/processes.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

afterEach(stopProcesses);
afterAll(stopServers);

it("F67, law 9: no process ends by an 'error' event that it does not listen to, whichever driver", async () => {
  const server = await RedisServer.start();
  const processes = await Promise.all(
    PLACES.map(({ name, platform }) => SessionProcess.start(name, server.url, platform)),
  );
  const tokens = await Promise.all(processes.map(async (each) => (await each.run('mark')).token as string));
  await server.kill();
  await Promise.all(
    processes.map((each, index) =>
      until('an outage', async () => (await each.run('read', tokens[index])).status === 503),
    ),
  );
  await server.restart();
  for (const each of processes) await until('a session', async () => (await each.run('mark')).status === 201);
  expect(processes.map(({ isAlive, errors }) => [isAlive, errors])).toEqual(PLACES.map(() => [true, '']));
});

/** What the processes have told their clients. */
class Ledger {
  /** For each token: increments that were acknowledged, and those that may have been carried out. */
  readonly counts = new Map<string, { done: number; open: number }>();
  readonly marks: [token: string, name: string][] = [];
  /** Tokens whose end was acknowledged. */
  readonly dead: string[] = [];
  /** Tokens of sign-ins that were acknowledged. */
  readonly logins: string[] = [];
  /** Answers in a row of a kind, for whoever waits for a change. */
  readonly seen = { good: 0, unavailable: 0 };
  readonly strange: Seen[] = [];
  isOver = false;

  note(answer: Seen): Seen {
    if (answer.status === 201) this.seen.good++;
    else if (answer.status === 503) this.seen.unavailable++;
    else this.strange.push(answer);
    return answer;
  }
}

describe('several processes under load', () => {
  const NAMES = ['node-redis 5', 'node-redis 6', 'ioredis 6'];
  let server: RedisServer;
  let processes: SessionProcess[];
  let ledger: Ledger;
  let turn = 0;

  /** Each request goes to another process. */
  async function run(operation: string, token?: string, name?: string): Promise<Seen> {
    const process = processes[turn++ % processes.length] as SessionProcess;
    return ledger.note(await process.run(operation, token, name));
  }

  async function counter(token: string, name: string): Promise<void> {
    const counts = ledger.counts.get(token) ?? { done: 0, open: 0 };
    ledger.counts.set(token, counts);
    for (let round = 0; !ledger.isOver; round++) {
      const { status, says } = await run('count', token);
      if (status === 201) counts.done++;
      else if (says === 'OUTCOME_UNKNOWN') counts.open++;
      const mark = `${name}${String(round % 50)}`;
      if ((await run('mark', token, mark)).status === 201) ledger.marks.push([token, mark]);
    }
  }

  /** Sessions that end while others write to them. */
  async function leaver(): Promise<void> {
    while (!ledger.isOver) {
      const { token } = await run('mark');
      if (token === undefined) continue;
      const others = [run('count', token), run('mark', token, 'late')];
      const logout = await run('logout', token);
      if (logout.status === 201 && logout.token === '') ledger.dead.push(token);
      await Promise.all(others);
    }
  }

  /** Sign-ins, each of which takes the place of the one before. */
  async function visitor(user: string): Promise<void> {
    let token: string | undefined;
    while (!ledger.isOver) {
      const answer = await run('login', token, user);
      if (answer.status === 201) {
        if (token !== undefined) ledger.dead.push(token);
        token = answer.token;
        if (token !== undefined && ledger.logins.length < 100) ledger.logins.push(token);
      } else if (answer.says === 'OUTCOME_UNKNOWN') token = undefined;
    }
  }

  const more = async (kind: 'good' | 'unavailable', count: number): Promise<void> => {
    const goal = ledger.seen[kind] + count;
    await until(`${String(count)} answers that are ${kind}`, () => ledger.seen[kind] >= goal);
  };

  it('F70, laws 5, 6: killed, started again and frozen: what was acknowledged is there, what was ended is not', async () => {
    server = await RedisServer.start({ args: DURABLE });
    processes = await Promise.all(
      NAMES.map((name, index) => SessionProcess.start(name, server.url, index === 0 ? 'express' : 'fastify')),
    );
    ledger = new Ledger();
    const tokens = [(await run('mark')).token as string, (await run('mark')).token as string];
    const load = Promise.all([
      ...tokens.flatMap((token) => [counter(token, 'a'), counter(token, 'b')]),
      leaver(),
      leaver(),
      visitor('ada'),
      visitor('bob'),
    ]);
    for (let round = 0; round < 2; round++) {
      await more('good', 60);
      await server.kill();
      await more('unavailable', 8);
      await server.restart();
      await more('good', 60);
      server.pause();
      await more('unavailable', 8);
      server.resume();
    }
    await more('good', 60);
    ledger.isOver = true;
    await load;

    for (const [token, { done, open }] of ledger.counts) {
      const { status, says } = await run('read', token);
      const { count } = says as { count: number };
      expect([status, count >= done, count <= done + open]).toEqual([201, true, true]);
      const lost = ledger.marks.filter(
        ([of, mark]) => of === token && (says as Record<string, unknown>)[mark] !== true,
      );
      expect(lost).toEqual([]);
    }
    const opening = async (among: readonly string[]): Promise<string[]> => {
      const found: string[] = [];
      for (const token of among) {
        const { status, says } = await run('is-there', token);
        if (status !== 201 || says !== false) found.push(token);
      }
      return found;
    };
    expect([ledger.dead.length > 5, await opening(ledger.dead)]).toEqual([true, []]);
    expect(ledger.marks.length).toBeGreaterThan(0);

    // Nobody's sign-in is outside the index: signed out everywhere, no token of one opens anything.
    for (const user of ['ada', 'bob']) {
      expect((await run('destroy-all', undefined, user)).status).toBe(201);
      expect((await run('list', undefined, user)).says).toBe(0);
    }
    expect(ledger.logins.length).toBeGreaterThan(0);
    expect(await opening(ledger.logins)).toEqual([]);
    expect(await opening(tokens)).toEqual(tokens);
    expect(ledger.strange.filter(({ says }) => says !== 'SESSION_ENDED')).toEqual([]);
    expect(processes.map(({ isAlive, errors }) => [isAlive, errors])).toEqual(NAMES.map(() => [true, '']));
  });
});
