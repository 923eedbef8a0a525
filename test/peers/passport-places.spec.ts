import type { IncomingMessage, ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { session, type SessionMiddleware } from 'nestjs-token-session';
import passport from 'passport';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import {
  AccountController,
  ADA,
  BOB,
  collectErrors,
  directory,
  PASSPORT_PROVIDERS,
  startOn,
  startWithPassport,
  Visitor,
  type PassportData,
} from '../support/passport.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

const userIdOf = (data: PassportData): string | undefined => data.passport?.user;

failOnUnhandledRejections();
afterEach(closeApps);

describe('Passport in main.ts on Express, behind session()', () => {
  let layer: SessionMiddleware;

  beforeEach(() => {
    layer = session({ userIdOf, logger: SILENT });
  });
  afterEach(() => layer.close());

  async function start(prepare: (app: INestApplication) => unknown): Promise<Visitor> {
    const { url } = await startApp('express', {
      imports: [],
      controllers: [AccountController],
      providers: PASSPORT_PROVIDERS,
      prepare,
    });
    return new Visitor(url);
  }

  it('law 7: signs in and out; the sessions of a user are listed, ended, and known to @RequireLogin()', async () => {
    const visitor = await start((app) => app.use(layer, passport.initialize(), passport.session()));
    const planted = await visitor.begin();
    const [token, other] = [await visitor.tokenOf(ADA, planted), await visitor.tokenOf(ADA)];
    expect((await visitor.me(token)).user).toBe('Ada');
    expect(await layer.service.load(planted)).toBeUndefined();
    expect(await layer.service.list('ada')).toHaveLength(2);
    expect((await call(visitor.url, '/private', { token })).text).toBe('Ada');
    const { token: anonymous } = await visitor.post('/logout', token);
    for (const held of [token, anonymous]) expect((await visitor.me(held)).user).toBeNull();
    expect(await layer.service.destroyAll('ada')).toBe(1);
    expect((await visitor.me(other)).user).toBeNull();
    expect((await call(visitor.url, '/private', { token: other })).status).toBe(401);
  });

  it('pauseStream: what comes of a body while the user is looked up reaches who reads it then', async () => {
    let arriving: IncomingMessage | undefined;
    const visitor = await start((app) => {
      app.use(layer, passport.initialize());
      app.use((request: IncomingMessage, _response: unknown, next: () => void) => {
        arriving = request;
        next();
      });
      app.use(passport.session({ pauseStream: true }));
      app.use('/upload', (request: IncomingMessage & { user?: { name: string } }, response: ServerResponse) => {
        let text = `${String(request.user?.name)}: `;
        request.on('data', (chunk: Buffer) => (text += chunk.toString()));
        request.on('end', () => response.end(text));
      });
    });
    const token = await visitor.tokenOf();
    directory.find = (_id, done) => arriving?.once('end', () => done(null, ADA));
    const answer = await visitor.post('/upload', token, { body: 'all of it' });
    expect(answer.text).toBe('Ada: "all of it"');
  });
});

describe('other ways to say it', () => {
  it.each([
    ["passport.authenticate('session')", (): unknown => passport.authenticate('session')],
    [
      'passport.session({ pauseStream: true }), behind the body parser',
      (): unknown => passport.session({ pauseStream: true }),
    ],
  ])('%s as module middleware signs in, knows the user, signs out', async (_way, create) => {
    const { url } = await startOn('express', [passport.initialize(), create()], { userIdOf });
    const visitor = new Visitor(url);
    const token = await visitor.tokenOf();
    expect((await visitor.me(token)).user).toBe('Ada');
    const bob = (await visitor.signIn(token, BOB)).token as string;
    expect((await visitor.me(bob)).user).toBe('Bob');
    const { token: anonymous } = await visitor.post('/logout', bob);
    for (const held of [token, bob, anonymous]) expect((await visitor.me(held)).user).toBeNull();
  });

  it('without passport.session() a login is stored, but no request knows its user', async () => {
    const { url } = await startOn('express', [passport.initialize()], { userIdOf });
    const visitor = new Visitor(url);
    const token = await visitor.tokenOf();
    expect(await visitor.me(token)).toEqual({ user: null, data: { passport: { user: 'ada' } } });
    expect((await call(url, '/private', { token })).text).toBe('nobody');
  });
});

describe('where Passport does not go', () => {
  it('passport.session() in main.ts is ahead of SessionModule: an error at each request says what is missing', async () => {
    const messages: string[] = [];
    const { url } = await startApp('express', {
      controllers: [AccountController],
      providers: PASSPORT_PROVIDERS,
      prepare: (app) => {
        collectErrors(app, messages);
        app.use(passport.session());
      },
    });
    expect((await call(url, '/me')).status).toBe(500);
    expect(messages).toEqual([expect.stringMatching(/^Login sessions require session support/)]);
  });

  it('on a path that `exclude` names, Passport says the same', async () => {
    const messages: string[] = [];
    const { url } = await startWithPassport(
      { exclude: ['/me'] },
      {
        prepare: (app) => {
          collectErrors(app, messages);
        },
      },
    );
    expect((await call(url, '/me')).status).toBe(500);
    expect(messages).toEqual([expect.stringMatching(/^Login sessions require session support/)]);
    expect((await new Visitor(url).signIn()).status).toBe(201);
  });
});
