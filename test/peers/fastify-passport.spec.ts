import { Authenticator } from '@fastify/passport';
import { Controller, Get, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { RequireLogin, Session, SessionService, type SessionOptions, type TokenSession } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import {
  BOB,
  byId,
  collectErrors,
  PASSPORT_PROVIDERS,
  Visitor,
  type PassportData,
  type User,
} from '../support/passport.js';
import type { RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

type FastifyPassport = InstanceType<typeof Authenticator>;

/** A request that @fastify/passport has been at. */
interface LoginRequest {
  user?: User | null;
  logIn(user: User): Promise<void>;
  logOut(): Promise<void>;
  flash(type: string, message: string): unknown;
}

@Controller()
class LoginController {
  @Post('login')
  @UseGuards(AuthGuard('local'))
  async login(@Req() request: LoginRequest & { user: User }): Promise<string> {
    await request.logIn(request.user);
    return `welcome ${request.user.name}`;
  }

  @Post('logout')
  logout(@Req() request: LoginRequest): Promise<void> {
    return request.logOut();
  }

  @Post('cart')
  cart(@Session() session: Session<PassportData>): void {
    session.cart = 1;
  }

  @Get('me')
  me(@Req() { user }: LoginRequest, @Session() session: Session<PassportData>): unknown {
    return { user: user?.name ?? null, data: { ...session } };
  }

  @Get('private')
  @RequireLogin()
  private(@Req() { user }: LoginRequest): string {
    return user?.name ?? 'nobody';
  }

  @Post('flash')
  flash(@Req() request: LoginRequest): void {
    request.flash('info', 'saved');
  }
}

/** Lets @fastify/passport sign in and out by SessionService: what the documentation has. */
function useTokenSessions(fastifyPassport: FastifyPassport, sessions: SessionService): void {
  const sessionOf = (request: FastifyRequest): TokenSession =>
    (request as unknown as { session: TokenSession }).session;
  Object.assign(fastifyPassport.sessionManager, {
    async logIn(request: FastifyRequest, user: unknown): Promise<void> {
      await sessions.login(sessionOf(request), await fastifyPassport.serializeUser<unknown, string>(user, request));
    },
    logOut: (request: FastifyRequest): Promise<void> => sessions.destroy(sessionOf(request)),
    getUserFromSession: (request: FastifyRequest): unknown => sessions.info(sessionOf(request)).userId,
  });
}

const NOBODY = { user: null, data: {} };

/** What users see in their log. */
let messages: string[];
let fastifyPassport: FastifyPassport;
let find: (id: string) => User | false;

failOnUnhandledRejections();
afterEach(closeApps);
beforeEach(() => {
  messages = [];
  find = (id) => byId(id) ?? false;
  fastifyPassport = new Authenticator();
  fastifyPassport.registerUserSerializer(async (user: User) => user.id);
  fastifyPassport.registerUserDeserializer(async (id: string) => find(id));
});

function start(prepare: (app: NestFastifyApplication) => unknown, session: SessionOptions = {}): Promise<RunningApp> {
  return startApp('fastify', {
    controllers: [LoginController],
    providers: PASSPORT_PROVIDERS,
    session,
    prepare: (app) => {
      collectErrors(app, messages);
      return prepare(app as NestFastifyApplication);
    },
  });
}

/** Once SessionModule has put `session` on the requests. */
async function registerAfterInit(app: NestFastifyApplication): Promise<void> {
  await app.init();
  await app.register(fastifyPassport.initialize());
  await app.register(fastifyPassport.secureSession());
}

describe('@fastify/passport as it comes', () => {
  it('registered before app.init() it is a boot error that names `session`', async () => {
    const booting = start((app) => app.register(fastifyPassport.initialize()));
    await expect(booting).rejects.toThrow("The decorator 'session' required by '@fastify/flash' is not present");
  });

  it('asks the session for get(), which is a name of data here: an error at each request', async () => {
    const { url } = await start(registerAfterInit);
    expect((await call(url, '/me')).status).toBe(500);
    expect(messages).toEqual([expect.stringMatching(/get is not a function$/)]);
  });
});

describe('@fastify/passport with a session manager that calls SessionService', () => {
  let visitor: Visitor;
  let sessions: SessionService;

  beforeEach(async () => {
    const running = await start(
      async (app) => {
        useTokenSessions(fastifyPassport, app.get(SessionService));
        await registerAfterInit(app);
      },
      { maxPerUser: 2 },
    );
    visitor = new Visitor(running.url);
    sessions = running.get(SessionService);
  });

  const privately = (token?: string): Promise<Answer> => call(visitor.url, '/private', { token });

  it('law 7, CVE-2022-25896: signs in under a new token; the planted one opens nothing, no data move along', async () => {
    const planted = await visitor.begin();
    const { status, text, token } = await visitor.signIn(planted);
    expect([status, text, token === planted]).toEqual([201, 'welcome Ada', false]);
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: {} });
    expect(await visitor.me(planted)).toEqual(NOBODY);
    expect(await sessions.load(planted)).toBeUndefined();
  });

  it('law 6: signs out, which ends the session and clears the token', async () => {
    const token = await visitor.tokenOf();
    expect(await visitor.post('/logout', token)).toMatchObject({ status: 201, token: '' });
    expect(await visitor.me(token)).toEqual(NOBODY);
    expect(await sessions.load(token)).toBeUndefined();
  });

  it('ASVS 7.1.2, 7.4.3: its sessions count, are listed and ended; @RequireLogin() knows them', async () => {
    const tokens = [await visitor.tokenOf(), await visitor.tokenOf(), await visitor.tokenOf()];
    const bobs = await visitor.tokenOf(BOB);
    expect((await visitor.me(tokens[0])).user).toBeNull();
    expect((await privately(tokens[2])).text).toBe('Ada');
    expect((await privately()).status).toBe(401);
    expect(await sessions.destroyAll('ada')).toBe(2);
    for (const token of tokens) expect((await visitor.me(token)).user).toBeNull();
    expect((await visitor.me(bobs)).user).toBe('Bob');
  });

  it('the session of a user who is gone is ended', async () => {
    const token = await visitor.tokenOf();
    find = () => false;
    expect(await privately(token)).toMatchObject({ status: 401, token: '' });
    expect(await sessions.list('ada')).toEqual([]);
  });

  it('R61: a double-clicked sign-in succeeds', async () => {
    const planted = await visitor.begin();
    for (const { status, token } of await Promise.all([visitor.signIn(planted), visitor.signIn(planted)])) {
      expect(status).toBe(201);
      expect((await visitor.me(token)).user).toBe('Ada');
    }
  });

  it('its flash() does not work: it asks the session for get(), too', async () => {
    expect((await visitor.post('/flash')).status).toBe(500);
    expect(messages).toEqual(['this.session.get is not a function']);
  });
});
