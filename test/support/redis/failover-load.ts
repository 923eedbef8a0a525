import { createHash } from 'node:crypto';
import { Controller, Delete, Get, Inject, Param, Post } from '@nestjs/common';
import { RequireSession, Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { startApp } from '../app.js';
import { Connection, type Answer, type CallOptions } from '../client.js';
import { PLATFORMS } from '../platforms.js';
import type { Connected } from './clients.js';
import { until } from './until.js';

interface Log {
  /** How many entries `added` has, counted apart from them. */
  count: number;
  added: string[];
}

/** Each addition has a name, so that afterwards none can be missing or counted twice unseen. */
@Controller()
export class LogController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('log')
  begin(@Session() sess: Session<Log>): string {
    Object.assign(sess, { count: 0, added: [] });
    return 'begun';
  }

  @Post('log/:name')
  @RequireSession()
  async add(@Session() sess: Session<Log>, @Param('name') name: string): Promise<string> {
    await this.sessions.update(sess, (draft) => {
      draft.count = (draft.count ?? 0) + 1;
      draft.added = [...(draft.added ?? []), name];
    });
    return 'added';
  }

  @Get('log')
  @RequireSession()
  read(@Session() sess: Session<Log>): Log {
    return { count: sess.count ?? -1, added: sess.added ?? [] };
  }

  @Delete('log')
  @RequireSession()
  async end(@Session() sess: Session<Log>): Promise<string> {
    await this.sessions.destroy(sess);
    return 'ended';
  }
}

/** A change and what the client was told of it. Times in ms of `performance.now()`. */
export interface Change {
  readonly token: string;
  readonly name: string;
  readonly sentAt: number;
  readonly toldAt: number;
  /** The status, with the code of a refusal: `201`, `503 STORE_UNAVAILABLE`. */
  readonly told: string;
  /** The driver of the application that was asked. */
  readonly driver: string;
}

export interface Losses {
  /** Acknowledged additions that are not there. */
  readonly additions: Change[];
  /** Acknowledged ends of sessions that live. */
  readonly ends: Change[];
  /** What must never be: additions that are there twice, or were refused and are there, wrong counts. */
  readonly wrong: string[];
}

/** Nobody got an answer that is neither success nor a 503 that says what is known, or one that took long. */
export function expectFairAnswers(load: FailoverLoad, storeTimeout: number): void {
  // A session that began on the old master and was lost with it is none: 401.
  const fair = /^2|^503 STORE_UNAVAILABLE$|^503 OUTCOME_UNKNOWN$|^401 SESSION_REQUIRED$/;
  expect(Object.keys(load.told()).filter((told) => !fair.test(told))).toEqual([]);
  // Those that all clients share are older than that.
  expect(load.additions.filter(({ told }) => told.startsWith('401'))).toEqual([]);
  // Two calls of the store, on a machine that may be busy.
  expect(load.longest).toBeLessThan(storeTimeout * 2 + 1_500);
}

/** What was lost was acknowledged between these times, whatever else was acknowledged then. */
export function expectLostWithin({ additions, ends }: Losses, from: number, until: number): void {
  const outside = [...additions, ...ends].filter(({ toldAt }) => toldAt < from || toldAt > until);
  const shown = outside.map(
    ({ driver, toldAt }) => `${driver}: ${Math.round(toldAt - from)} of ${Math.round(until - from)}`,
  );
  expect(shown).toEqual([]);
}

/** An application with a `LogController`. */
export interface LoadedApp {
  readonly driver: string;
  readonly url: string;
  /** Why its store failed last. */
  lastFault?(): string;
}

/** How many sessions live at a time that somebody is about to end. */
const AGED = 25;

const running = new Set<FailoverLoad>();

/** Ends what a failed test left at work, before its applications end: `afterEach(stopLoads)`. */
export async function stopLoads(): Promise<void> {
  await Promise.all([...running].map((load) => load.stop()));
}

/** Additions to sessions that all clients share, and sessions that live for a moment, through several applications. */
export class FailoverLoad {
  readonly additions: Change[] = [];
  readonly ends: Change[] = [];
  readonly begun: Change[] = [];
  private readonly tokens: string[] = [];
  private readonly clients: Connection[] = [];
  private work: Promise<unknown> = Promise.resolve();
  private isOver = false;
  private names = 0;

  private constructor(readonly apps: readonly LoadedApp[]) {}

  /** One application for each client, each with clients of its own. */
  static async start(
    stores: readonly { driver: string; connected: Connected }[],
    { sessions = 12, ...options }: SessionOptions & { sessions?: number } = {},
  ): Promise<FailoverLoad> {
    const apps = await Promise.all(
      stores.map(async ({ driver, connected: { client } }, i) => {
        const store = new RedisStore({ client });
        const app = await startApp(PLATFORMS[i % 2] ?? 'express', {
          controllers: [LogController],
          session: { store, ...options },
        });
        // The last one only: there may be thousands.
        let reason = 'nothing failed';
        app.get(SessionService).events$.subscribe((event) => {
          if (event.type === 'store_failed') reason = `${event.operation}: ${event.reason}`;
        });
        return {
          driver,
          url: app.url,
          lastFault: () => `${reason}, client ${'status' in client ? client.status : ''}`,
        };
      }),
    );
    return FailoverLoad.on(apps, sessions);
  }

  /** On applications that run elsewhere. */
  static async on(apps: readonly LoadedApp[], sessions = 12): Promise<FailoverLoad> {
    const load = new FailoverLoad(apps);
    running.add(load);
    await load.begin(sessions);
    return load;
  }

  /** Every application acknowledges that many additions in a row, all of them sent from now on. */
  async well(inARow = 15): Promise<void> {
    const since = performance.now();
    const lastOf = (driver: string): string[] => {
      const sent = this.additions.filter((each) => each.driver === driver && each.sentAt > since);
      return sent.slice(-inARow).map(({ told }) => told);
    };
    const isWell = (told: readonly string[]): boolean => told.length === inARow && told.every((each) => each === '201');
    try {
      await until('acknowledged additions', () => this.apps.every(({ driver }) => isWell(lastOf(driver))), 30_000);
    } catch (error) {
      const last = this.apps.map(
        ({ driver, lastFault }) => `${driver}: ${lastOf(driver).join(', ')} (${lastFault?.() ?? ''})`,
      );
      throw new Error(`Not every application is well:\n${last.join('\n')}`, { cause: error });
    }
  }

  /** What Redis knows the shared sessions by. */
  keys(prefix: string): string[] {
    return this.tokens.map((token) => prefix + createHash('sha256').update(token).digest('base64url'));
  }

  /** How many of each answer there were. */
  told(): Record<string, number> {
    const told: Record<string, number> = {};
    for (const change of [...this.additions, ...this.ends, ...this.begun]) {
      told[change.told] = (told[change.told] ?? 0) + 1;
    }
    return told;
  }

  /** The longest time in ms that anybody waited for an answer. */
  get longest(): number {
    return Math.max(...[...this.additions, ...this.ends, ...this.begun].map(({ sentAt, toldAt }) => toldAt - sentAt));
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
    running.delete(this);
    for (const client of this.clients.splice(0)) client.close();
  }

  /** Reads everything, after `stop` and when the store is well again. */
  async losses(): Promise<Losses> {
    const client = this.open(this.apps[0]?.url ?? '');
    const wrong: string[] = [];
    const there = new Set<string>();
    for (const token of this.tokens) {
      const answer = await client.call('/log', { token });
      if (answer.status !== 200) {
        wrong.push(`a session is gone: ${answer.text}`);
        continue;
      }
      const { count, added } = answer.json() as Log;
      if (count !== added.length) wrong.push(`${count} counted, ${added.length} there`);
      for (const name of added) {
        if (there.has(name)) wrong.push(`${name} is there twice`);
        there.add(name);
      }
    }
    for (const { name, told } of this.additions) {
      const isRefused = !told.startsWith('2') && told !== '503 OUTCOME_UNKNOWN';
      if (isRefused && there.has(name)) wrong.push(`${name} is there after ${told}`);
    }
    const additions = this.additions.filter(({ name, told }) => told.startsWith('2') && !there.has(name));
    const ends: Change[] = [];
    for (const end of this.ends) {
      if (!end.told.startsWith('2')) continue;
      const { status } = await client.call('/log', { token: end.token });
      if (status !== 401) ends.push(end);
    }
    client.close();
    return { additions, ends, wrong };
  }

  private async begin(sessions: number): Promise<void> {
    const client = this.open(this.apps[0]?.url ?? '');
    for (let i = 0; i < sessions; i++) {
      const { token } = await client.call('/log', { method: 'POST' });
      if (token === undefined) throw new Error('No session');
      this.tokens.push(token);
    }
    this.work = Promise.all(
      this.apps.flatMap(({ driver, url }) => [this.adds(driver, url), this.adds(driver, url), this.ends_(driver, url)]),
    );
  }

  private open(url: string): Connection {
    const client = new Connection(url);
    this.clients.push(client);
    return client;
  }

  private async adds(driver: string, url: string): Promise<void> {
    const client = this.open(url);
    for (let turn = 0; !this.isOver; turn++) {
      const token = this.tokens[turn % this.tokens.length] as string;
      const name = (this.names++).toString(36);
      await this.note(this.additions, { token, name, driver }, client, `/log/${name}`, { method: 'POST', token });
    }
  }

  private async ends_(driver: string, url: string): Promise<void> {
    const client = this.open(url);
    const living: string[] = [];
    while (!this.isOver) {
      const name = (this.names++).toString(36);
      const { token } = await this.note(this.begun, { token: '', name, driver }, client, '/log', { method: 'POST' });
      if (token !== undefined) living.push(token);
      // Of sessions that began long ago the end can be lost without the beginning.
      const oldest = living.length > AGED ? living.shift() : undefined;
      if (oldest === undefined) continue;
      await this.note(this.ends, { token: oldest, name, driver }, client, '/log', { method: 'DELETE', token: oldest });
    }
  }

  private async note(
    changes: Change[],
    change: Pick<Change, 'token' | 'name' | 'driver'>,
    client: Connection,
    path: string,
    options: CallOptions,
  ): Promise<Answer> {
    const sentAt = performance.now();
    const answer = await client.call(path, options);
    const code = answer.status < 400 ? '' : ` ${String((answer.json() as { code?: unknown }).code)}`;
    changes.push({ ...change, sentAt, toldAt: performance.now(), told: `${answer.status}${code}` });
    return answer;
  }
}
