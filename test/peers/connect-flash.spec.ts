import { Controller, Get, Module, Post, Query, Req, RequestMethod, Res } from '@nestjs/common';
import type { MiddlewareConsumer, NestModule } from '@nestjs/common';
import flash from 'connect-flash';
import { Session, SessionModule, SessionService } from 'nestjs-token-session';
import passport from 'passport';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { ADA, PASSPORT_PROVIDERS, promised, Visitor, type PassportRequest } from '../support/passport.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

type Flash = Record<string, string[]>;

interface FlashRequest extends PassportRequest {
  flash(): Flash;
  flash(type: string): string[];
  flash(type: string, message: string): number;
}

/** Where slow requests wait, with their session loaded. */
let loaded: Barrier;

@Controller()
class FlashController {
  constructor(private readonly sessions: SessionService) {}

  /** A form: does something, says so on the next page. */
  @Post('form')
  async form(
    @Req() request: FlashRequest,
    @Res() response: { redirect(path: string): void },
    @Query('slow') slow?: string,
  ): Promise<void> {
    if (slow !== undefined) await loaded.pass();
    request.flash('info', 'saved');
    response.redirect('/page');
  }

  @Get('page')
  async page(@Req() request: FlashRequest, @Query('slow') slow?: string): Promise<Flash> {
    if (slow !== undefined) await loaded.pass();
    return request.flash();
  }

  /** Looks first whether there is something: a visitor without messages stays without a session. */
  @Get('careful-page')
  carefulPage(@Req() request: FlashRequest): Flash {
    return 'flash' in request.session ? request.flash() : {};
  }

  @Post('greeting-login')
  async greetingLogin(@Req() request: FlashRequest): Promise<void> {
    request.flash('info', 'before');
    await promised((done) => request.logIn(ADA, {}, done));
    request.flash('info', 'after');
  }

  /** The same as `form` and `page` by transactions. */
  @Post('notice')
  async notice(@Session() session: Session<Notices>, @Query('slow') slow?: string): Promise<void> {
    if (slow !== undefined) await loaded.pass();
    await this.sessions.update(session, (draft) => {
      (draft.notices ??= []).push('saved');
    });
  }

  @Get('notices')
  async notices(@Session() session: Session<Notices>, @Query('slow') slow?: string): Promise<string[]> {
    if (slow !== undefined) await loaded.pass();
    let taken: string[] = [];
    await this.sessions.update(session, (draft) => {
      taken = draft.notices ?? [];
      delete draft.notices;
    });
    return taken;
  }
}

interface Notices {
  notices: string[];
}

@Module({})
class FlashModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(flash(), passport.initialize(), passport.session()).forRoutes('*path');
    const redirects = { successRedirect: '/page', failureRedirect: '/page', failureFlash: 'wrong password' };
    consumer
      .apply(passport.authenticate('local', { ...redirects, successFlash: 'welcome' }))
      .forRoutes({ path: 'form-login', method: RequestMethod.POST });
    consumer
      .apply(passport.authenticate('local', { ...redirects, successFlash: 'welcome', keepSessionInfo: true }))
      .forRoutes({ path: 'form-login-keeping', method: RequestMethod.POST });
  }
}

failOnUnhandledRejections();
afterEach(closeApps);

let store: ProbedStore;
let visitor: Visitor;

beforeEach(async () => {
  store = new ProbedStore();
  const { url } = await startApp('express', {
    imports: [FlashModule, SessionModule.forRoot({ store, logger: SILENT })],
    controllers: [FlashController],
    providers: PASSPORT_PROVIDERS,
  });
  visitor = new Visitor(url);
});

const get = (path: string, token?: string): Promise<Answer> => call(visitor.url, path, { token });
const page = async (token: string | undefined): Promise<unknown> => (await get('/page', token)).json();
const formToken = async (): Promise<string> => (await visitor.post('/form')).token as string;

describe('connect-flash on req.session', () => {
  it('a message is shown once', async () => {
    const token = await formToken();
    expect(await page(token)).toEqual({ info: ['saved'] });
    expect(await page(token)).toEqual({});
  });

  it('messages add up until they are shown', async () => {
    const token = await formToken();
    await visitor.post('/form', token);
    expect(await page(token)).toEqual({ info: ['saved', 'saved'] });
  });

  it('law 4, L88: it is stored before the redirect leaves', async () => {
    const barrier = new Barrier();
    store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
    const redirect = visitor.post('/form');
    await barrier.arrived;
    expect((await Promise.race([redirect, get('/careful-page')])).status).toBe(200);
    barrier.open();
    const { status, headers, token } = await redirect;
    expect([status, headers['location']]).toEqual([302, '/page']);
    expect(await page(token)).toEqual({ info: ['saved'] });
  });

  it('law 4: 503, and no redirect, when it can not be stored', async () => {
    store.before = () => {
      throw new Error('disk full');
    };
    const refused = await visitor.post('/form');
    expect(refused).toMatchObject({ status: 503, token: undefined });
    expect(refused.headers['location']).toBeUndefined();
  });

  it('reading assigns req.session.flash: a visitor without messages gets a session, unless one looks first', async () => {
    expect((await get('/page')).token).toMatch(/^[\w-]{43}$/);
    expect(store.calls).toEqual(['create']);
    store.calls.length = 0;
    expect((await get('/careful-page')).token).toBeUndefined();
    expect(store.calls).toEqual([]);
  });

  it('law 3: reading no messages twice writes once', async () => {
    const token = await formToken();
    await page(token);
    store.calls.length = 0;
    await page(token);
    await page(token);
    expect(store.calls).toEqual(['load', 'load']);
  });
});

describe('connect-flash and Passport', () => {
  const login = (path: string, password: string, token?: string): Promise<Answer> =>
    visitor.post(path, token, { body: { username: 'ada', password } });

  it('failureFlash with failureRedirect: the next page has the message, and the token is as before', async () => {
    const token = await formToken();
    const refused = await login('/form-login', 'Bob', token);
    expect([refused.status, refused.headers['location'], refused.token]).toEqual([302, '/page', undefined]);
    expect(await page(token)).toEqual({ info: ['saved'], error: ['wrong password'] });
  });

  it('law 7: successFlash is set ahead of the login, which leaves it behind; keepSessionInfo takes it along', async () => {
    const left = await login('/form-login', 'Ada', await formToken());
    expect([left.status, await page(left.token)]).toEqual([302, {}]);
    const kept = await login('/form-login-keeping', 'Ada', await formToken());
    expect([kept.status, await page(kept.token)]).toEqual([302, { info: ['saved'], success: ['welcome'] }]);
  });

  it('what is flashed after the login stands in the new session', async () => {
    const { token } = await visitor.post('/greeting-login');
    expect(await page(token)).toEqual({ info: ['after'] });
  });
});

describe('messages under parallel requests', () => {
  /** The answers of slow requests that have all loaded their session before the first goes on. */
  async function together(token: string, ...requests: [path: string, method: string][]): Promise<Answer[]> {
    loaded = new Barrier(requests.length);
    const answers = requests.map(([path, method]) => call(visitor.url, `${path}?slow`, { token, method }));
    await loaded.arrived;
    loaded.open();
    return Promise.all(answers);
  }

  it('connect-flash: two pages at once both show a message, which is gone then', async () => {
    const token = await formToken();
    const pages = await together(token, ['/page', 'GET'], ['/page', 'GET']);
    expect(pages.map((answer) => answer.json())).toEqual([{ info: ['saved'] }, { info: ['saved'] }]);
    expect(await page(token)).toEqual({});
  });

  it('connect-flash: of two forms at once one message stays: both are one key, on which the later commit wins', async () => {
    const token = await formToken();
    await page(token);
    await together(token, ['/form', 'POST'], ['/form', 'POST']);
    expect(await page(token)).toEqual({ info: ['saved'] });
  });

  it('law 5: by update() each message is shown, once', async () => {
    const token = (await visitor.post('/notice')).token as string;
    await together(token, ['/notice', 'POST'], ['/notice', 'POST']);
    const pages = await together(token, ['/notices', 'GET'], ['/notices', 'GET']);
    expect(pages.flatMap((answer) => answer.json() as string[])).toEqual(['saved', 'saved', 'saved']);
    expect((await get('/notices', token)).json()).toEqual([]);
  });
});
