import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Body, Controller, Get, Inject, Post, Req } from '@nestjs/common';
import express, { type Request, type Response } from 'express';
import expressSession, { type Store } from 'express-session';
import { cookie, RequireLogin, Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { expressStore, type ExpressStoreOptions } from 'nestjs-token-session/express-session';
import { Authenticator } from 'passport';
import { startApp } from './app.js';
import type { Barrier } from './barrier.js';
import { call, type Answer, type CallOptions } from './client.js';
import type { Platform, RunningApp } from './platforms.js';

export const SECRET = 'the secret of both';
export const MAX_AGE = 30 * 60_000;

/** What the sessions of both applications hold. */
export interface Shop {
  passport?: { user?: string };
  [key: string]: unknown;
}

const servers = new Set<Server>();

/** Ends the express-session applications: `afterEach(closePeers)`. */
export async function closePeers(): Promise<void> {
  await Promise.all([...servers].map((server) => new Promise((done) => server.close(done))));
  servers.clear();
}

type PeerRequest = Request & { session: Record<string, unknown> & { destroy(done: (error?: unknown) => void): void } };

/** The application that is to be moved: the real express-session and Passport, on a store of its choice. */
export async function startPeer(
  store: Store,
  options: Partial<expressSession.SessionOptions> = {},
  barrier?: Barrier,
): Promise<string> {
  const app = express();
  const passport = new Authenticator();
  passport.serializeUser<string>((user, done) => done(null, (user as { id: string }).id));
  passport.deserializeUser<string>((id, done) => done(null, { id }));
  app.use(express.json());
  app.use(
    expressSession({
      ...{ secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge: MAX_AGE } },
      ...options,
      store,
    }),
  );
  app.use(passport.session());
  const on = (path: string, handle: (req: PeerRequest) => unknown): void => {
    app.all(path, (req: Request, res: Response, next) => {
      Promise.resolve(handle(req as PeerRequest)).then((body) => res.json(body ?? null), next);
    });
  };
  on('/data', (req) => dataOf(req.session));
  on('/set', (req) => void Object.assign(req.session, req.body));
  on('/slow', async (req) => {
    req.session['slow'] = 'peer';
    await barrier?.pass();
  });
  on('/login', (req) =>
    promised((done) => req.logIn(req.body as Express.User, { session: true, keepSessionInfo: true }, done)),
  );
  on('/logout', (req) => promised((done) => req.session.destroy(done)));
  on('/private', (req) => (req.user as { id?: string } | undefined)?.id ?? null);
  const server = createServer(app);
  servers.add(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function promised(start: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

/** The application's own data, without what the two session layers keep beside it. */
function dataOf(session: object): Shop {
  const { cookie: _cookie, 'nestjs-token-session': _ours, __lastAccess, ...data } = session as Shop;
  return data;
}

@Controller()
class MovedController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Get('data')
  data(@Session() sess: Session<Shop>): object {
    return { ...sess };
  }

  @Post('set')
  set(@Session() sess: Session<Shop>, @Body() body: Shop): void {
    Object.assign(sess, body);
  }

  /** As Passport leaves it. */
  @Post('login')
  async login(@Session() sess: Session<Shop>, @Body() { id }: { id: string }): Promise<void> {
    (await sess.regenerate<Shop>({ keep: Object.keys(sess) }))['passport'] = { user: id };
  }

  @Post('logout')
  logout(@Session() sess: Session): Promise<void> {
    return sess.destroy();
  }

  @Get('private')
  @RequireLogin()
  private(@Session() sess: Session): string {
    return JSON.stringify(this.sessions.info(sess).userId);
  }

  @Get('id')
  id(@Session() sess: Session, @Req() _request: unknown): object {
    return { id: sess.id, info: this.sessions.info(sess).id };
  }
}

export interface MovedPlan {
  options?: Omit<ExpressStoreOptions, 'rawIds'>;
  secret?: string | string[];
  session?: SessionOptions;
  platform?: Platform;
}

/** The same application on us. */
export function startMoved(store: Store, plan: MovedPlan = {}): Promise<RunningApp> {
  const { secret = SECRET, session } = plan;
  return startApp(plan.platform ?? 'express', {
    controllers: [MovedController],
    session: {
      store: expressStore(store, { ...plan.options, rawIds: true }),
      transport: cookie({ name: 'connect.sid', secret, secure: false }),
      userIdOf: (data) => (data as Shop).passport?.user,
      ...session,
    },
  });
}

/** A browser that both applications are one site for. */
export class Browser {
  cookie: string | undefined;
  last: Answer | undefined;

  async ask(url: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const sent = this.cookie === undefined ? {} : { Cookie: this.cookie };
    const method = body === undefined ? 'GET' : 'POST';
    const answer = (this.last = await call(url, path, { method, body, ...options, headers: { ...sent } }));
    for (const line of answer.cookies) {
      const isOver = /Max-Age=0(?:;|$)/.test(line);
      this.cookie = isOver ? undefined : line.split(';')[0];
    }
    return answer;
  }

  async data(url: string): Promise<Shop> {
    return (await this.ask(url, '/data')).json() as Shop;
  }

  async user(url: string): Promise<unknown> {
    const answer = await this.ask(url, '/private');
    return answer.status === 401 ? null : answer.json();
  }

  /** The raw id: what stands signed in the cookie. */
  get rawId(): string | undefined {
    const value = this.cookie?.slice('connect.sid='.length);
    return value === undefined ? undefined : /^s:(.*)\.[^.]*$/.exec(decodeURIComponent(value))?.[1];
  }
}
