import { Controller, Injectable, Param, Post } from '@nestjs/common';
import { Session, SessionService, type LoginOptions, type SessionOptions } from 'nestjs-token-session';
import { startApp, type AppPlan } from './app.js';
import { BEARER, COOKIE, HEADER, type Carrier } from './carriers.js';
import { call, type Answer } from './client.js';
import type { Platform, RunningApp } from './platforms.js';
import { STORES } from './stores.js';

export type Data = Record<string, unknown>;

/** What a request does with its session; what it gives is answered as JSON. */
export type Script = (session: Session<Data>, sessions: SessionService) => unknown;

/** An answer as the client of a carrier sees it. */
export interface Ran extends Answer {
  /** The token that came with it: undefined when none did, '' when it was cleared. */
  readonly issued: string | undefined;
  /** What the script gave. */
  readonly result: unknown;
  /** The code of a refusal. */
  readonly code: unknown;
}

@Injectable()
class Scripts {
  readonly all: Script[] = [];
}

@Controller('scripts')
class ScriptController {
  constructor(
    private readonly sessions: SessionService,
    private readonly scripts: Scripts,
  ) {}

  @Post(':number')
  async run(@Session() session: Session<Data>, @Param('number') number: string): Promise<unknown> {
    return { result: (await this.scripts.all[Number(number)]?.(session, this.sessions)) ?? null };
  }
}

/** An application whose requests do what the test hands over, and a client that carries tokens one way. */
export class ScriptedApp {
  private constructor(
    readonly running: RunningApp,
    readonly carrier: Carrier,
  ) {}

  static async start(
    platform: Platform,
    session: SessionOptions = {},
    { carrier = HEADER, ...plan }: Partial<AppPlan> & { carrier?: Carrier } = {},
  ): Promise<ScriptedApp> {
    const running = await startApp(platform, {
      ...plan,
      controllers: [ScriptController, ...(plan.controllers ?? [])],
      providers: [Scripts, ...(plan.providers ?? [])],
      session: { transport: carrier.transport(), ...session },
    });
    return new ScriptedApp(running, carrier);
  }

  get sessions(): SessionService {
    return this.running.get(SessionService);
  }

  /** One request, by this token if any. */
  async run(script: Script, token?: string, headers: Record<string, string> = {}): Promise<Ran> {
    const number = this.running.get(Scripts).all.push(script) - 1;
    const sent = { ...headers, ...(token !== undefined && this.carrier.send(token)) };
    const answer = await call(this.running.url, `/scripts/${String(number)}`, { method: 'POST', headers: sent });
    const { result, code } = answer.json() as { result?: unknown; code?: unknown };
    return { ...answer, issued: this.carrier.received(answer), result, code };
  }

  /** Signs in by HTTP; gives the token. */
  async signIn(userId: string | number = 'ada', options: LoginOptions<Data> = {}, token?: string): Promise<string> {
    const answer = await this.run(login(userId, options), token);
    if (answer.status !== 201) throw new Error(`${String(answer.status)} ${answer.text}`);
    return answer.issued as string;
  }

  /** The data that a token opens; undefined when it opens no session. Moves no clock. */
  async dataOf(token: string): Promise<Data | undefined> {
    const session = await this.sessions.load<Data>(token);
    return session && { ...session };
  }

  /** Which of these tokens open a session. Moves no clock. */
  opening(...tokens: string[]): Promise<boolean[]> {
    return Promise.all(tokens.map(async (token) => (await this.sessions.load(token)) !== undefined));
  }
}

/** Signs in, and gives the data and the id of the new session. */
export function login(userId: string | number, options: LoginOptions<Data> = {}): Script {
  return async (session, sessions) => {
    const next = await sessions.login(session, userId, options);
    return { id: next.id, data: { ...next } };
  };
}

/** Gives the session a new token. */
export const regenerate: Script = async (session) => {
  await session.regenerate();
};

/** Gives what is known of the request's session. */
export const info: Script = (session, sessions) => sessions.info(session);

/** Gives the request's data. */
export const data: Script = (session) => ({ ...session });

/** The code and the message that a refusal gives. */
export async function refusalOf(outcome: Promise<unknown>): Promise<{ code: unknown; message: string } | undefined> {
  try {
    await outcome;
    return undefined;
  } catch (error) {
    const { code, message } = error as { code: unknown; message: string };
    return { code, message };
  }
}

const PAIRINGS = {
  express: [HEADER, BEARER, COOKIE],
  fastify: [COOKIE, HEADER, BEARER],
} as const;

/** Each store and each transport once on each platform, paired differently. */
export function pairsOf(platform: Platform): { store: string; build: () => unknown; carrier: Carrier }[] {
  return Object.entries(STORES).map(([store, build], index) => ({
    store,
    build,
    carrier: PAIRINGS[platform][index] as Carrier,
  }));
}
