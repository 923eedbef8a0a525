import { Controller, Param, Post, Query, Req } from '@nestjs/common';
import {
  Session,
  SessionService,
  type AtomicSessionStore,
  type SessionEvent,
  type SessionOptions,
} from 'nestjs-token-session';
import { startApp } from './app.js';
import { call } from './client.js';
import { collectEvents } from './events.js';
import type { Seen } from './flight.js';
import type { Platform, RunningApp } from './platforms.js';

export interface Data {
  written?: boolean;
  count?: number;
}

/** How long a call of the store may take, in ms: long enough for a busy machine, short enough to wait for. */
export const STORE_TIMEOUT = 400;

type Operation = (session: Session<Data>, sessions: SessionService, name: string) => unknown;

/** What a request does with its session, by the name of its route. */
const OPERATIONS: Record<string, Operation> = {
  read: (session) => ({ ...session }),
  'is-there': (session) => !session.isNew,
  write: (session) => {
    session.written = true;
  },
  count: async (session, sessions) => {
    await sessions.update(session, (draft) => (draft.count = (draft.count ?? 0) + 1));
    return session.count;
  },
  regenerate: async (session, sessions) => {
    await sessions.regenerate(session, { keep: ['written', 'count'] });
  },
  login: async (session, sessions, name) => {
    await sessions.login(session, name, { keep: ['written', 'count'] });
  },
  logout: (session, sessions) => sessions.destroy(session),
  list: async (_session, sessions, name) => (await sessions.list(name)).length,
  'destroy-all': (_session, sessions, name) => sessions.destroyAll(name),
  sweep: (_session, sessions) => sessions.sweep(),
};

@Controller()
class FaultsController {
  /** What `logout-and-look` found. */
  looked: unknown;

  constructor(private readonly sessions: SessionService) {}

  /** Uses no session. */
  @Post('plain')
  plain() {
    return { result: 'plain' };
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

  @Post(':operation')
  async run(
    @Session() session: Session<Data>,
    @Param('operation') operation: string,
    @Query('name') name: string | undefined,
  ) {
    return { result: (await OPERATIONS[operation]?.(session, this.sessions, name ?? 'ada')) ?? null };
  }
}

/** An application whose store's server or connections a test harms. */
export class FaultsApp<Store extends AtomicSessionStore = AtomicSessionStore> {
  readonly events: SessionEvent[];

  private constructor(
    readonly running: RunningApp,
    readonly store: Store,
  ) {
    this.events = collectEvents(running);
  }

  static async start<Store extends AtomicSessionStore>(
    platform: Platform,
    store: Store,
    options: SessionOptions = {},
  ): Promise<FaultsApp<Store>> {
    const session = { store, storeTimeout: STORE_TIMEOUT, ...options };
    return new FaultsApp(await startApp(platform, { controllers: [FaultsController], session }), store);
  }

  get sessions(): SessionService {
    return this.running.get(SessionService);
  }

  run(operation: string, token?: string, name?: string): Promise<Seen> {
    return runAt(this.running.url, operation, token, name);
  }

  /** The token of a new session with `{ written: true }`. */
  async visit(): Promise<string> {
    const { status, token, says } = await this.run('write');
    if (status !== 201 || token === undefined) throw new Error(`No session: ${String(status)} ${String(says)}`);
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

  /** Why calls of the store failed, as the events say it. */
  reasons(): string {
    return this.events.flatMap((event) => (event.type === 'store_failed' ? [event.reason] : [])).join('\n');
  }
}

/** One request to an application of this kind, in whatever process. */
export async function runAt(url: string, operation: string, token?: string, name?: string): Promise<Seen> {
  const path = name === undefined ? `/${operation}` : `/${operation}?name=${encodeURIComponent(name)}`;
  const answer = await call(url, path, { method: 'POST', token });
  const body = answer.json() as { result?: unknown; code?: unknown };
  return { status: answer.status, token: answer.token, says: body.code ?? body.result };
}

export const UNAVAILABLE: Seen = { status: 503, token: undefined, says: 'STORE_UNAVAILABLE' };
export const UNKNOWN: Seen = { status: 503, token: undefined, says: 'OUTCOME_UNKNOWN' };

/** Runs it and gives its result with the time that it took, in ms. */
export async function timed<T>(act: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await act();
  return [result, performance.now() - start];
}
