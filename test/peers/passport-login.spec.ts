import { Controller, Get, Injectable, Post, Req, UseGuards, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { RequireLogin, Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import passport from 'passport';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { PASSPORT_PROVIDERS, Visitor, type PassportData, type User } from '../support/passport.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

/** A strategy as OAuth 2 and OpenID Connect have it: keeps something in the session, and redirects. */
const away: passport.Strategy = {
  authenticate(request) {
    (request as unknown as { session: Session<{ state: string }> }).session.state = 'kept';
    this.redirect('https://identity.example/authorize');
  },
};
passport.use('away', away);

/** Gives strategies that redirect Node's response, which is what they know. */
@Injectable()
class AwayGuard extends AuthGuard('away') {
  getResponse(context: ExecutionContext): unknown {
    const response = context.switchToHttp().getResponse<{ raw?: unknown }>();
    return response.raw ?? response;
  }
}

/** Passport checks the password, the session layer signs in: the same on both platforms. */
@Controller()
class SignInController {
  constructor(private readonly sessions: SessionService) {}

  @Post('login')
  @UseGuards(AuthGuard('local'))
  async login(@Req() { user }: { user: User }, @Session() session: Session<PassportData>): Promise<string> {
    await this.sessions.login(session, user.id, { keep: ['cart'] });
    return `welcome ${user.name}`;
  }

  @Post('logout')
  logout(@Session() session: Session): Promise<void> {
    return this.sessions.destroy(session);
  }

  @Post('cart')
  cart(@Session() session: Session<PassportData>): void {
    session.cart = (session.cart ?? 0) + 1;
  }

  @Get('me')
  @RequireLogin()
  me(@Session() session: Session<PassportData>): unknown {
    return { user: this.sessions.info(session).userId, data: { ...session } };
  }

  @Get('away')
  @UseGuards(AwayGuard)
  away(): never {
    throw new Error('The strategy has answered.');
  }

  @Get('state')
  state(@Session('state') state: string | undefined): string {
    return state ?? 'none';
  }
}

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('Passport checks the password and SessionService.login() signs in, on %s', (platform) => {
  let visitor: Visitor;
  let sessions: SessionService;

  async function start(session: SessionOptions = {}): Promise<void> {
    const plan = { controllers: [SignInController], providers: PASSPORT_PROVIDERS, session };
    const running = await startApp(platform, plan);
    visitor = new Visitor(running.url);
    sessions = running.get(SessionService);
  }

  const me = (token?: string): Promise<Answer> => call(visitor.url, '/me', { token });

  it('law 7, CVE-2022-25896: a new token; the planted one opens nothing; what is named moves along', async () => {
    await start();
    const planted = await visitor.begin();
    const answer = await visitor.signIn(planted);
    expect(answer).toMatchObject({ status: 201, text: 'welcome Ada' });
    expect(answer.token).not.toBe(planted);
    expect((await me(answer.token)).json()).toEqual({ user: 'ada', data: { cart: 1 } });
    expect((await me(planted)).status).toBe(401);
  });

  it('a wrong password is 401, and the session stays as it was', async () => {
    await start();
    const token = await visitor.begin();
    const refused = await visitor.post('/login', token, { body: { username: 'ada', password: 'Bob' } });
    expect(refused).toMatchObject({ status: 401, token: undefined });
    expect(await sessions.load(token)).toMatchObject({ cart: 1 });
  });

  it('law 6: the logout ends the session and clears the token; twice does no harm', async () => {
    await start();
    const token = await visitor.tokenOf();
    expect(await visitor.post('/logout', token)).toMatchObject({ status: 201, token: '' });
    expect((await visitor.post('/logout', token)).status).toBe(201);
    expect((await me(token)).json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
  });

  it('ASVS 7.1.2, 7.4.3: such sessions count, are listed and ended, without userIdOf', async () => {
    await start({ maxPerUser: 2 });
    const tokens = [await visitor.tokenOf(), await visitor.tokenOf(), await visitor.tokenOf()];
    expect((await me(tokens[0])).status).toBe(401);
    expect(await sessions.list('ada')).toHaveLength(2);
    expect(await sessions.destroyAll('ada')).toBe(2);
    for (const token of tokens) expect((await me(token)).status).toBe(401);
  });

  it('R61: a double-clicked sign-in succeeds, and so does one with the token of a moment ago', async () => {
    await start();
    const planted = await visitor.begin();
    for (const { status, token } of [
      ...(await Promise.all([visitor.signIn(planted), visitor.signIn(planted)])),
      await visitor.signIn(planted),
    ]) {
      expect(status).toBe(201);
      expect((await me(token)).status).toBe(200);
    }
  });

  it('law 4, L88: what a strategy keeps in the session is stored before its redirect leaves', async () => {
    const store = new ProbedStore();
    await start({ store });
    const barrier = new Barrier();
    store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
    const redirect = call(visitor.url, '/away');
    await barrier.arrived;
    expect((await Promise.race([redirect, call(visitor.url, '/state')])).text).toBe('none');
    barrier.open();
    const { status, headers, token } = await redirect;
    expect([status, headers['location']]).toEqual([302, 'https://identity.example/authorize']);
    expect((await call(visitor.url, '/state', { token })).text).toBe('kept');
  });

  it('law 4: 503, and no redirect, when that can not be stored', async () => {
    const store = new ProbedStore();
    await start({ store });
    store.before = () => {
      throw new Error('disk full');
    };
    const refused = await call(visitor.url, '/away');
    expect(refused).toMatchObject({ status: 503, token: undefined });
    expect(refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(refused.headers['location']).toBeUndefined();
  });
});
