import { closeApps } from '../../support/app.js';
import type { Seen } from '../../support/flight.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp, type PostgresApp } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const ROUNDS = 5;

let server: PostgresServer;
let address: Address;
let apps: PostgresApp[];

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start({ durable: true });
});
afterAll(async () => {
  await closeApps();
  await endPools();
  await stopServers();
});

/** What clients were told. */
class Ledger {
  /** For each token: increments that were acknowledged, and those that may have been carried out. */
  readonly counts = new Map<string, { done: number; open: number }>();
  /** Tokens whose end was acknowledged. */
  readonly dead: string[] = [];
  /** Tokens of sign-ins that were acknowledged. */
  readonly logins: string[] = [];
  readonly seen = { good: 0, unavailable: 0 };
  readonly strange: Seen[] = [];
  isOver = false;
  private turn = 0;

  async run(operation: string, token?: string): Promise<Seen> {
    const app = apps[this.turn++ % apps.length] as PostgresApp;
    const answer = await app.run(operation, token);
    if (answer.status === 201) this.seen.good++;
    else if (answer.status === 503) this.seen.unavailable++;
    else this.strange.push(answer);
    return answer;
  }

  async counter(token: string): Promise<void> {
    const counts = this.counts.get(token) ?? { done: 0, open: 0 };
    this.counts.set(token, counts);
    while (!this.isOver) {
      const { status, says } = await this.run('count', token);
      if (status === 201) counts.done++;
      else if (says === 'OUTCOME_UNKNOWN') counts.open++;
    }
  }

  /** Sessions that end while others write to them. */
  async leaver(): Promise<void> {
    while (!this.isOver) {
      const { token } = await this.run('write');
      if (token === undefined) continue;
      const others = [this.run('count', token), this.run('write', token)];
      const logout = await this.run('logout', token);
      if (logout.status === 201 && logout.token === '') this.dead.push(token);
      await Promise.all(others);
    }
  }

  /** Sign-ins, each of which takes the place of the one before. */
  async visitor(): Promise<void> {
    let token: string | undefined;
    while (!this.isOver) {
      const answer = await this.run('login', token);
      if (answer.status === 201) {
        if (token !== undefined) this.dead.push(token);
        token = answer.token;
        if (token !== undefined) this.logins.push(token);
      } else if (answer.says === 'OUTCOME_UNKNOWN') token = undefined;
    }
  }
}

it('F70, laws 5, 6: killed in mid-write and started again: what was acknowledged is there, what was ended is not', async () => {
  address = await server.createDatabase();
  await migrate(address);
  apps = await Promise.all(PLATFORMS.map((platform) => startPostgresApp(platform, barePool(address))));
  const ledger = new Ledger();
  const tokens = await Promise.all(apps.map((app) => app.visit()));
  const load = Promise.all([
    ...tokens.flatMap((token) => [ledger.counter(token), ledger.counter(token)]),
    ledger.leaver(),
    ledger.leaver(),
    ledger.visitor(),
  ]);
  const more = async (kind: 'good' | 'unavailable', count: number): Promise<void> => {
    const goal = ledger.seen[kind] + count;
    await until(`${String(count)} answers that are ${kind}`, () => ledger.seen[kind] >= goal);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await more('good', 30);
    await server.kill();
    await more('unavailable', 5);
    await server.restart();
  }
  await more('good', 30);
  ledger.isOver = true;
  await load;

  for (const [token, { done, open }] of ledger.counts) {
    const { says } = await ledger.run('read', token);
    const { count } = says as { count: number };
    expect([count >= done, count <= done + open]).toEqual([true, true]);
    expect(done).toBeGreaterThan(10);
  }
  const opening = async (among: readonly string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const token of among) if ((await ledger.run('is-there', token)).says !== false) found.push(token);
    return found;
  };
  expect([ledger.dead.length > 5, await opening(ledger.dead)]).toEqual([true, []]);

  // Nobody's sign-in is outside the index: signed out everywhere, no token of one opens anything.
  expect((await ledger.run('destroy-all')).status).toBe(201);
  expect((await ledger.run('list')).says).toBe(0);
  expect(ledger.logins.length).toBeGreaterThan(5);
  expect(await opening(ledger.logins)).toEqual([]);
  expect(await opening(tokens)).toEqual(tokens);
  expect(ledger.strange.filter(({ says }) => says !== 'SESSION_ENDED')).toEqual([]);
});
