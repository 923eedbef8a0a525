import { Controller, Post, Req } from '@nestjs/common';
import { Session, SessionService, type SessionEvent, type SessionOptions } from 'nestjs-token-session';
import { RedisStore, type RedisClient } from 'nestjs-token-session/redis';
import { startApp } from '../app.js';
import { HEADER } from '../carriers.js';
import { call } from '../client.js';
import { collectEvents } from '../events.js';
import { Flight, type Seen } from '../flight.js';
import { PLATFORMS, type Platform, type RunningApp } from '../platforms.js';
import { CLIENTS } from './clients.js';

export interface Data {
  written?: boolean;
  count?: number;
}

/** How long a call of the store may take, in ms: long enough for a busy machine, short enough to wait for. */
export const STORE_TIMEOUT = 400;

/** Each driver once, on alternating platforms: what a driver does has nothing to do with the platform. */
export const PLACES = CLIENTS.map((client, index) => ({
  ...client,
  platform: PLATFORMS[index % PLATFORMS.length] as Platform,
}));

@Controller()
class FaultsController {
  constructor(private readonly sessions: SessionService) {}

  /** Uses no session. */
  @Post('plain')
  plain() {
    return { result: 'plain' };
  }

  @Post('read')
  read(@Session() session: Session<Data>) {
    return { result: { ...session } };
  }

  @Post('write')
  write(@Session() session: Session<Data>) {
    session.written = true;
    return { result: null };
  }

  @Post('count')
  async count(@Session() session: Session<Data>) {
    await this.sessions.update(session, (draft) => {
      draft.count = (draft.count ?? 0) + 1;
    });
    return { result: session.count };
  }

  @Post('login')
  async login(@Session() session: Session<Data>) {
    await this.sessions.login(session, 'ada', { keep: ['written', 'count'] });
    return { result: null };
  }

  @Post('logout')
  async logout(@Session() session: Session<Data>) {
    await this.sessions.destroy(session);
    return { result: null };
  }

  /** What a handler finds that goes on after a logout that failed. */
  @Post('logout-and-look')
  async logoutAndLook(@Session() session: Session<Data>, @Req() request: { session?: unknown }) {
    const outcomes = await Promise.all(
      [() => this.sessions.destroy(session), () => this.sessions.save(session)].map((act) =>
        act().then(
          () => 'done',
          (error: unknown) => (error as { code?: string }).code ?? String(error),
        ),
      ),
    );
    this.looked = { outcomes, session: request.session };
    return { result: null };
  }

  looked: unknown;
}

/** An application with its sessions in Redis whose connection or server a test harms. */
export class RedisApp {
  readonly events: SessionEvent[];

  private constructor(
    readonly running: RunningApp,
    readonly store: RedisStore,
  ) {
    this.events = collectEvents(running);
  }

  static async start(platform: Platform, client: RedisClient, options: SessionOptions = {}): Promise<RedisApp> {
    const store = new RedisStore({ client });
    const session = { store, storeTimeout: STORE_TIMEOUT, ...options };
    return new RedisApp(await startApp(platform, { controllers: [FaultsController], session }), store);
  }

  async run(operation: string, token?: string): Promise<Seen> {
    const headers = token === undefined ? {} : HEADER.send(token);
    const answer = await call(this.running.url, `/${operation}`, { method: 'POST', headers });
    const body = answer.json() as { result?: unknown; code?: unknown };
    return { status: answer.status, token: answer.token, says: body.code ?? body.result };
  }

  /** The token of a new session with `{ written: true }`. */
  async visit(): Promise<string> {
    const { status, token } = await this.run('write');
    if (status !== 201 || token === undefined) throw new Error(`No session: ${status}`);
    return token;
  }

  /** What `logout-and-look` found. */
  get looked(): unknown {
    return this.running.get(FaultsController).looked;
  }

  /** How often each kind of event came. */
  tally(): Partial<Record<SessionEvent['type'], number>> {
    const tally: Partial<Record<SessionEvent['type'], number>> = {};
    for (const { type } of this.events) tally[type] = (tally[type] ?? 0) + 1;
    return tally;
  }
}

/** The same with the operations of a `Flight`. */
export function startFlight(platform: Platform, client: RedisClient, options: SessionOptions = {}): Promise<Flight> {
  return Flight.start(platform, HEADER, { store: new RedisStore({ client }), storeTimeout: STORE_TIMEOUT, ...options });
}

export const UNAVAILABLE: Seen = { status: 503, token: undefined, says: 'STORE_UNAVAILABLE' };
export const UNKNOWN: Seen = { status: 503, token: undefined, says: 'OUTCOME_UNKNOWN' };

/** Runs it and gives its result with the time that it took, in ms. */
export async function timed<T>(act: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await act();
  return [result, performance.now() - start];
}
