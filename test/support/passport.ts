import { Controller, Get, HttpException, Injectable, Module, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { ExecutionContext, INestApplication, MiddlewareConsumer, NestModule, Type } from '@nestjs/common';
import { AuthGuard, PassportSerializer, PassportStrategy } from '@nestjs/passport';
import { RequireLogin, Session, SessionModule, type SessionOptions } from 'nestjs-token-session';
import passport from 'passport';
import { Strategy } from 'passport-local';
import { SILENT, startApp, type AppPlan } from './app.js';
import { call, type Answer, type CallOptions } from './client.js';
import type { Platform, RunningApp } from './platforms.js';

export interface User {
  readonly id: string;
  readonly name: string;
}

/** What the data of Passport's sessions hold. */
export interface PassportData {
  passport?: { user?: string };
  cart?: number;
  theme?: string;
}

type Done<T> = (error?: Error | null, value?: T) => void;

/** A request that Passport has been at. */
export interface PassportRequest {
  session: Session<PassportData>;
  user?: User | null;
  logIn(user: User, options: { keepSessionInfo?: boolean }, done: Done<void>): void;
  logOut(options: { keepSessionInfo?: boolean }, done: Done<void>): void;
  on(event: string, listener: () => void): unknown;
}

const USERS: readonly User[] = [
  { id: 'ada', name: 'Ada' },
  { id: 'bob', name: 'Bob' },
];
export const [ADA, BOB] = USERS as [User, User];

/**
 * Where Passport looks users up; a test may put something else in their place. Shared by all applications of a
 * spec, as the Passport of `@nestjs/passport` is one for the process.
 */
export const directory = {
  find: (id: string, done: Done<User | false>): void => done(null, byId(id) ?? false),
  idOf: (user: User): string => user.id,
};
const ORIGINAL = { ...directory };
afterEach(() => Object.assign(directory, ORIGINAL));

export const byId = (id: string): User | undefined => USERS.find((user) => user.id === id);

/** Whose password is this user's name. */
@Injectable()
class LocalStrategy extends PassportStrategy(Strategy) {
  validate(username: string, password: string): User | false {
    const user = byId(username);
    return user !== undefined && password === user.name && user;
  }
}

@Injectable()
class UserSerializer extends PassportSerializer {
  serializeUser(user: User, done: Done<string>): void {
    done(null, directory.idOf(user));
  }

  deserializeUser(id: string, done: Done<User | false>): void {
    directory.find(id, done);
  }
}

/** As Nest's documentation has it: checks the password, then logs in. */
@Injectable()
class LoginGuard extends AuthGuard('local') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const allowed = (await super.canActivate(context)) as boolean;
    await super.logIn(context.switchToHttp().getRequest());
    return allowed;
  }
}

@Injectable()
class KeepingLoginGuard extends LoginGuard {
  constructor() {
    super({ keepSessionInfo: true });
  }
}

/** As an application with Passport has it. */
@Controller()
export class AccountController {
  @Get('me')
  me(@Req() request: PassportRequest): unknown {
    return { user: request.user?.name ?? null, data: { ...request.session } };
  }

  @Get('private')
  @RequireLogin()
  private(@Req() request: PassportRequest): string {
    return request.user?.name ?? 'nobody';
  }

  @Post('cart')
  cart(@Session() session: Session<PassportData>): void {
    session.cart = (session.cart ?? 0) + 1;
  }

  @Post('theme')
  theme(@Session() session: Session<PassportData>): void {
    session.theme = 'dark';
  }

  @Post('login')
  @UseGuards(LoginGuard)
  login(@Req() request: PassportRequest): string {
    return `welcome ${String(request.user?.name)}`;
  }

  @Post('login-keeping')
  @UseGuards(KeepingLoginGuard)
  loginKeeping(): string {
    return 'welcome';
  }

  @Post('login-redirect')
  @UseGuards(LoginGuard)
  loginRedirect(@Res() response: { redirect(path: string): void }): void {
    response.redirect('/me');
  }

  @Post('logout')
  logout(@Req() request: PassportRequest): Promise<void> {
    return promised((done) => request.logOut({}, done));
  }

  @Post('logout-keeping')
  logoutKeeping(@Req() request: PassportRequest): Promise<void> {
    return promised((done) => request.logOut({ keepSessionInfo: true }, done));
  }
}

/** A call that takes a callback, as a promise. */
export function promised(start: (done: Done<void>) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}

/** Notes what the exception filters get, which is what users see in their log: the client is told less. */
export function collectErrors(app: INestApplication, messages: string[]): void {
  app.useGlobalFilters({
    catch(error: Error, host) {
      messages.push(error.message);
      const status = error instanceof HttpException ? error.getStatus() : 500;
      app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', status);
    },
  });
}

/** Passport where it belongs: in a module's `configure`, behind which SessionModule's own middleware always is. */
export function passportModule(...middleware: unknown[]): Type {
  @Module({})
  class PassportMiddlewareModule implements NestModule {
    configure(consumer: MiddlewareConsumer): void {
      consumer.apply(...(middleware as [])).forRoutes('*path');
    }
  }
  return PassportMiddlewareModule;
}

export const PASSPORT_PROVIDERS = [LocalStrategy, UserSerializer];

/** An application with Passport as module middleware, whose module is imported ahead of SessionModule. */
export function startWithPassport(session: SessionOptions = {}, plan: Partial<AppPlan> = {}): Promise<RunningApp> {
  return startOn('express', [passport.initialize(), passport.session()], session, plan);
}

export function startOn(
  platform: Platform,
  middleware: unknown[],
  session: SessionOptions = {},
  plan: Partial<AppPlan> = {},
): Promise<RunningApp> {
  return startApp(platform, {
    imports: [passportModule(...middleware), SessionModule.forRoot({ logger: SILENT, ...session })],
    controllers: [AccountController],
    providers: PASSPORT_PROVIDERS,
    ...plan,
  });
}

/** What a client of such an application does. */
export class Visitor {
  constructor(readonly url: string) {}

  post(path: string, token?: string, options: CallOptions = {}): Promise<Answer> {
    return call(this.url, path, { method: 'POST', token, ...options });
  }

  signIn(token?: string, user = ADA, path = '/login'): Promise<Answer> {
    return this.post(path, token, { body: { username: user.id, password: user.name } });
  }

  /** Signs in, and gives the token. */
  async tokenOf(user = ADA, token?: string): Promise<string> {
    return (await this.signIn(token, user)).token as string;
  }

  /** A session of nobody that holds something. */
  async begin(): Promise<string> {
    return (await this.post('/cart')).token as string;
  }

  /** Whom Passport sees, and what the session holds. */
  async me(token: string | undefined): Promise<{ user: string | null; data: PassportData }> {
    return (await call(this.url, '/me', { token })).json() as { user: string | null; data: PassportData };
  }
}
