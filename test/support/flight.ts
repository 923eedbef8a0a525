import { Controller, Injectable, Param, Post, Query, type OnModuleDestroy } from '@nestjs/common';
import {
  MemoryStore,
  Session,
  SessionService,
  type SessionOptions,
  type SessionStore,
  type TokenSession,
} from 'nestjs-token-session';
import { startApp } from './app.js';
import { Barrier } from './barrier.js';
import { COOKIE, HEADER, type Carrier } from './carriers.js';
import { call, type Answer } from './client.js';
import type { Platform, RunningApp } from './platforms.js';
import { CallbackMapStore, SimpleMapStore } from './stores.js';

export type Data = Record<string, unknown>;
type Operation = (session: Session<Data>, sessions: SessionService) => unknown;

/** What a request does with its session, by the name of its route. */
const OPERATIONS = {
  read: (session) => ({ ...session }),
  shop: (session) => {
    session['cart'] = 'full';
  },
  'shop-more': (session) => {
    session['cart'] = 'fuller';
  },
  write: (session) => {
    session['written'] = true;
  },
  note: (session) => {
    session['noted'] = true;
  },
  save: async (session, sessions) => {
    session['written'] = true;
    await sessions.save(session);
  },
  update: (session, sessions) => sessions.update(session, (draft) => (draft['written'] = true)),
  touch: (session, sessions) => sessions.touch(session),
  regenerate: async (session, sessions) => {
    await sessions.regenerate(session, { keep: Object.keys(session) });
  },
  reauthenticate: async (session, sessions) => {
    await sessions.reauthenticate(session);
  },
  login: async (session, sessions) => {
    await sessions.login(session, 'ada', { keep: ['cart'] });
  },
  'login-bob': async (session, sessions) => {
    await sessions.login(session, 'bob');
  },
  logout: (session, sessions) => sessions.destroy(session),
  'login-then-logout': async (session, sessions) => sessions.destroy(await sessions.login(session, 'ada')),
  'logout-then-login': async (session, sessions) => {
    await sessions.destroy(session);
    await sessions.login(session, 'ada', { keep: ['cart'] });
  },
  'logout-unawaited-then-login': async (session, sessions) => {
    void sessions.destroy(session);
    await sessions.login(session, 'ada', { keep: ['cart'] });
  },
  'login-twice': async (session, sessions) => {
    await sessions.login(await sessions.login(session, 'bob'), 'ada');
  },
  'write-then-logout': (session, sessions) => {
    session['written'] = true;
    return sessions.destroy(session);
  },
  'save-then-logout': async (session, sessions) => {
    session['written'] = true;
    void sessions.save(session);
    await sessions.destroy(session);
  },
  'logout-then-save': async (session, sessions) => {
    await sessions.destroy(session);
    await sessions.save(session);
  },
  'login-swallowed': (session, sessions) => sessions.login(session, 'ada').then(nothing, nothing),
  'login-unawaited': (session, sessions) => {
    void sessions.login(session, 'ada');
  },
  list: async (_session, sessions) => (await sessions.list('ada')).map(({ id }) => id),
  'destroy-by-id': (session, sessions) => sessions.destroyById('ada', session.id as string),
  'destroy-all': (_session, sessions) => sessions.destroyAll('ada'),
  'destroy-others': (session, sessions) => sessions.destroyAll('ada', { except: session as TokenSession }),
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;

const nothing = (): void => undefined;

/** Where requests wait that are to be slow, with their session loaded. */
@Injectable()
class Holds implements OnModuleDestroy {
  barrier = new Barrier();

  /** A test that failed leaves requests behind, for which the server would wait. */
  onModuleDestroy(): void {
    this.barrier.open();
  }
}

@Controller()
class FlightController {
  constructor(
    private readonly sessions: SessionService,
    private readonly holds: Holds,
  ) {}

  @Post(':operation')
  async run(
    @Session() session: Session<Data>,
    @Param('operation') operation: OperationName,
    @Query('slow') slow: string | undefined,
  ): Promise<unknown> {
    if (slow !== undefined) await this.holds.barrier.pass();
    return { result: (await OPERATIONS[operation](session, this.sessions)) ?? null };
  }
}

/** What a client sees of an answer: its status, the token that it brought ('' when it cleared it), what it says. */
export interface Seen {
  readonly status: number;
  readonly token: string | undefined;
  /** The handler's result, or the error's code. */
  readonly says: unknown;
}

/** Platforms, transports and stores, pairwise. */
export const WAYS = [
  { platform: 'express', carrier: HEADER, createStore: () => new MemoryStore() },
  { platform: 'express', carrier: COOKIE, createStore: (): SessionStore => new SimpleMapStore() },
  { platform: 'fastify', carrier: HEADER, createStore: (): SessionStore => new CallbackMapStore() },
  { platform: 'fastify', carrier: COOKIE, createStore: () => new MemoryStore() },
] as const;

/** Done as the handler gave it; no token was set or cleared. */
export const DONE: Seen = { status: 201, token: undefined, says: null };
export const RENEWED: Seen = { ...DONE, token: expect.stringMatching(/^[\w-]{43}$/) as string };
export const CLEARED: Seen = { ...DONE, token: '' };
export const ENDED: Seen = { status: 401, token: undefined, says: 'SESSION_ENDED' };
export const TOO_MANY: Seen = { status: 403, token: undefined, says: 'TOO_MANY_SESSIONS' };

export const answered = (result: unknown): Seen => ({ ...DONE, says: result });

/** An application whose requests can be held back in their handlers, with a client that carries the token one way. */
export class Flight {
  constructor(
    readonly running: RunningApp,
    private readonly carrier: Carrier,
  ) {}

  static async start(platform: Platform, carrier: Carrier, session: SessionOptions = {}): Promise<Flight> {
    const running = await startApp(platform, {
      controllers: [FlightController],
      providers: [Holds],
      session: { transport: carrier.transport(), ...session },
    });
    return new Flight(running, carrier);
  }

  get sessions(): SessionService {
    return this.running.get(SessionService);
  }

  async run(operation: OperationName, token?: string): Promise<Seen> {
    return this.seen(await this.call(`/${operation}`, token));
  }

  /** Sends requests that stop with their session loaded; `land` lets them go on, and gives their answers. */
  async takeOff(operations: readonly OperationName[], token?: string): Promise<{ land(): Promise<Seen[]> }> {
    const barrier = (this.running.get(Holds).barrier = new Barrier(operations.length));
    const answers = operations.map((operation) => this.call(`/${operation}?slow`, token));
    await barrier.arrived;
    return {
      land: async () => {
        barrier.open();
        return (await Promise.all(answers)).map((answer) => this.seen(answer));
      },
    };
  }

  /** One slow request across what `meanwhile` does. */
  async across(operation: OperationName, token: string, meanwhile: () => Promise<unknown>): Promise<Seen> {
    const flying = await this.takeOff([operation], token);
    await meanwhile();
    return (await flying.land())[0] as Seen;
  }

  /** A stored session of nobody. */
  async visit(): Promise<string> {
    return (await this.run('shop')).token as string;
  }

  /** A session of ada. */
  async signIn(token?: string): Promise<string> {
    return (await this.run('login', token)).token as string;
  }

  /** The data that a token opens; undefined when it opens no session. */
  async dataOf(token: string | undefined): Promise<Data | undefined> {
    const session = token === undefined ? undefined : await this.sessions.load<Data>(token);
    return session && { ...session };
  }

  /** Which of these tokens open a session of ada's, by the index and by themselves. */
  async opening(...tokens: (string | undefined)[]): Promise<boolean[]> {
    const listed = new Set((await this.sessions.list('ada')).map(({ id }) => id));
    return Promise.all(
      tokens.map(async (token) => {
        const session = token === undefined ? undefined : await this.sessions.load<Data>(token);
        const isListed = session !== undefined && listed.delete(session.id as string);
        if (isListed !== (session !== undefined)) throw new Error('A session of ada is not in the index of users.');
        return isListed;
      }),
    );
  }

  private call(path: string, token: string | undefined): Promise<Answer> {
    const headers = token === undefined ? {} : this.carrier.send(token);
    return call(this.running.url, path, { method: 'POST', headers });
  }

  private seen(answer: Answer): Seen {
    const body = answer.json() as { result?: unknown; code?: unknown };
    return { status: answer.status, token: this.carrier.received(answer), says: body.code ?? body.result };
  }
}
