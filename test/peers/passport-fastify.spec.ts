import { Controller, Get, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { SessionService, type SessionOptions } from 'nestjs-token-session';
import passport from 'passport';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import {
  AccountController,
  ADA,
  BOB,
  byId,
  collectErrors,
  directory,
  PASSPORT_PROVIDERS,
  promised,
  startOn,
  Visitor,
  type PassportData,
  type PassportRequest,
} from '../support/passport.js';
import type { RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

const userIdOf = (data: PassportData): string | undefined => data.passport?.user;
const NOBODY = { user: null, data: {} };

const elsewhere: passport.Strategy = {
  authenticate() {
    this.redirect('https://identity.example/authorize');
  },
};
passport.use('elsewhere', elsewhere);

@Controller()
class FastifyController {
  @Get('raw-me')
  me(@Req() { raw }: { raw: PassportRequest }): unknown {
    return { user: raw.user?.name ?? null };
  }

  @Post('raw-logout')
  logout(@Req() { raw }: { raw: PassportRequest }): Promise<void> {
    return promised((done) => raw.logOut({}, done));
  }

  @Get('elsewhere')
  @UseGuards(AuthGuard('elsewhere'))
  elsewhere(): void {
    // The strategy answers.
  }
}

/** What users see in their log. */
let messages: string[];

const CONTROLLERS = [AccountController, FastifyController];
const SESSIONS_REQUIRED = expect.stringMatching(/^Login sessions require session support/) as string;

failOnUnhandledRejections();
afterEach(closeApps);
beforeEach(() => {
  messages = [];
});

const start = (prepare: (app: NestFastifyApplication) => unknown, session: SessionOptions = {}): Promise<RunningApp> =>
  startApp('fastify', {
    controllers: CONTROLLERS,
    providers: PASSPORT_PROVIDERS,
    session,
    prepare: (app) => {
      collectErrors(app, messages);
      return prepare(app as NestFastifyApplication);
    },
  });

describe("Passport's session strategy as a hook of Fastify", () => {
  let visitor: Visitor;
  let sessions: SessionService;

  beforeEach(async () => {
    const authenticate = passport.authenticate('session') as (
      request: FastifyRequest,
      reply: FastifyReply,
      done: HookHandlerDoneFunction,
    ) => void;
    const running = await start(
      (app) =>
        app
          .getHttpAdapter()
          .getInstance()
          .addHook('preValidation', (request, reply, done) => {
            authenticate(request, reply, done);
          }),
      { userIdOf },
    );
    visitor = new Visitor(running.url);
    sessions = running.get(SessionService);
  });

  it('law 7, CVE-2022-25896: signs in under a new token; the planted one opens nothing', async () => {
    const planted = await visitor.begin();
    const { status, token } = await visitor.signIn(planted, ADA, '/login-keeping');
    expect([status, token === planted]).toEqual([201, false]);
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { cart: 1, passport: { user: 'ada' } } });
    expect(await visitor.me(planted)).toEqual(NOBODY);
    expect((await call(visitor.url, '/private', { token })).text).toBe('Ada');
  });

  it('law 7: signs out under a new token; list, destroyAll and Passport agree', async () => {
    const [token, other, bobs] = [await visitor.tokenOf(), await visitor.tokenOf(), await visitor.tokenOf(BOB)];
    expect(await sessions.list('ada')).toHaveLength(2);
    const { token: anonymous } = await visitor.post('/logout', token);
    expect(anonymous).toMatch(/^[\w-]{43}$/);
    expect(await sessions.destroyAll('ada')).toBe(1);
    for (const held of [token, other, anonymous]) expect((await visitor.me(held)).user).toBeNull();
    expect((await visitor.me(bobs)).user).toBe('Bob');
  });

  it('deserializeUser fails: the exception filters answer, and the session is as it was', async () => {
    const token = await visitor.tokenOf();
    directory.find = (_id, done) => done(new Error('directory down'));
    expect(await visitor.post('/cart', token)).toMatchObject({ status: 500, token: undefined });
    expect(messages).toEqual(['directory down']);
    directory.find = (id, done) => done(null, byId(id));
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { passport: { user: 'ada' } } });
  });
});

describe('what of Passport does not work on Fastify, and what it says', () => {
  it('as module middleware it has Node’s request: the user stands on request.raw, logOut too', async () => {
    const { url } = await startOn(
      'fastify',
      [passport.initialize(), passport.session()],
      {},
      {
        controllers: CONTROLLERS,
        prepare: (app) => {
          collectErrors(app, messages);
        },
      },
    );
    const visitor = new Visitor(url);
    const token = await visitor.tokenOf();
    expect((await visitor.me(token)).user).toBeNull();
    expect((await call(url, '/raw-me', { token })).json()).toEqual({ user: 'Ada' });
    expect((await visitor.post('/logout', token)).status).toBe(500);
    expect(messages).toEqual(['request.logOut is not a function']);
    expect((await visitor.post('/raw-logout', token)).status).toBe(201);
    expect((await call(url, '/raw-me', { token })).json()).toEqual({ user: null });
  });

  it('in main.ts it is ahead of SessionModule', async () => {
    const { url } = await start((app) => app.use(passport.session()));
    expect((await call(url, '/me')).status).toBe(500);
    expect(messages).toEqual([SESSIONS_REQUIRED]);
  });

  it('a strategy that redirects (OAuth 2) needs Node’s response, by getResponse() of the guard', async () => {
    const { url } = await start(() => undefined);
    expect((await call(url, '/elsewhere')).status).toBe(500);
    expect(messages).toEqual(['res.setHeader is not a function']);
  });
});
