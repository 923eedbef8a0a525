import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SessionService, type SessionOptions } from 'nestjs-token-session';
import passport from 'passport';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { AccountController, PASSPORT_PROVIDERS, startOn, type PassportData } from '../support/passport.js';
import { PLATFORMS, type Platform, type RunningApp } from '../support/platforms.js';
import { removeFiles } from '../support/sqlite/files.js';
import { PLACES } from './support/places.js';

const NOBODY = { user: null, data: {} };
const LOGIN = { username: 'ada', password: 'Ada' };

afterEach(async () => {
  await closeApps();
  removeFiles();
});

/** Passport where it belongs on each platform: docs/passport.md. */
function start(platform: Platform, session: SessionOptions): Promise<RunningApp> {
  if (platform === 'express') return startOn(platform, [passport.initialize(), passport.session()], session);
  const authenticate = passport.authenticate('session') as (...args: unknown[]) => void;
  return startApp(platform, {
    controllers: [AccountController],
    providers: PASSPORT_PROVIDERS,
    session: { ...session, userIdOf: ({ passport: { user } = {} }: PassportData) => user },
    prepare: (app) =>
      (app as NestFastifyApplication)
        .getHttpAdapter()
        .getInstance()
        .addHook('preValidation', (request, reply, done) => {
          authenticate(request, reply, done);
        }),
  });
}

describe.each(PLATFORMS)('CVE-2022-25896: Passport: the session stayed the same at a login, on %s', (platform) => {
  describe.each(PLACES)('with $title', ({ open, way }) => {
    let app: RunningApp;
    const post = (path: string, token?: string, body?: object): Promise<Answer> =>
      call(app.url, path, { method: 'POST', headers: token === undefined ? {} : way.send(token), body });
    const me = async (token: string): Promise<unknown> =>
      (await call(app.url, '/me', { headers: way.send(token) })).json();

    beforeEach(async () => {
      app = await start(platform, { store: open(), transport: way.transport() });
    });

    it.each(['/login', '/login-keeping', '/login-redirect'])(
      'CVE-2022-25896: who planted a token before %s has nothing by it',
      async (path) => {
        const planted = way.received(await post('/cart')) as string;
        const own = way.received(await post(path, planted, LOGIN)) as string;
        expect(own).toMatch(/^[\w-]{43}$/);
        expect(own).not.toBe(planted);
        expect([await me(planted), await me(own)]).toEqual([NOBODY, expect.objectContaining({ user: 'Ada' })]);
        expect(await app.get(SessionService).load(planted)).toBeUndefined();
      },
    );

    it('CVE-2022-25896: nor who kept the token of a user over the logout', async () => {
      const own = way.received(await post('/login', undefined, LOGIN)) as string;
      const after = way.received(await post('/logout', own));
      expect(after).not.toBe(own);
      expect(await me(own)).toEqual(NOBODY);
      expect(await app.get(SessionService).load(own)).toBeUndefined();
    });
  });
});
