import type { IncomingMessage } from 'node:http';
import { SessionService } from 'nestjs-token-session';
import passport from 'passport';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { ADA, BOB, startOn, Visitor, type PassportData } from '../support/passport.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

const userIdOf = (data: PassportData): string | undefined => data.passport?.user;
const SLOW = { 'x-slow': 'yes' };

failOnUnhandledRejections();
afterEach(closeApps);

describe.each([
  ['with userIdOf', { userIdOf }],
  ['without userIdOf', {}],
])('Passport on Express under parallel requests, %s', (_name, options) => {
  let visitor: Visitor;
  let sessions: SessionService;
  let clock: TestClock;
  /** Where slow requests wait, with their session loaded and their user known. */
  let loaded: Barrier;

  beforeEach(async () => {
    clock = new TestClock();
    const hold = (request: IncomingMessage, _response: unknown, next: () => void): void => {
      if (request.headers['x-slow'] === undefined) next();
      else void loaded.pass().then(next);
    };
    const running = await startOn('express', [passport.initialize(), passport.session(), hold], {
      ...options,
      clock: clock.now,
    });
    visitor = new Visitor(running.url);
    sessions = running.get(SessionService);
  });

  const slowly = (path: string, token: string, method = 'POST'): Promise<Answer> =>
    call(visitor.url, path, { method, token, headers: SLOW });
  const slowSignIn = (token: string, user = ADA): Promise<Answer> =>
    visitor.post('/login', token, { headers: SLOW, body: { username: user.id, password: user.name } });

  /** Slow requests that wait with their session loaded, until they land. */
  async function takeOff(requests: (() => Promise<Answer>)[]): Promise<() => Promise<Answer[]>> {
    loaded = new Barrier(requests.length);
    const answers = requests.map((request) => request());
    await loaded.arrived;
    return () => {
      loaded.open();
      return Promise.all(answers);
    };
  }

  it('R61b, law 7: requests on their way during a login neither set nor clear a token, and change nothing', async () => {
    const planted = await visitor.begin();
    const land = await takeOff([() => slowly('/me', planted, 'GET'), () => slowly('/cart', planted)]);
    const token = await visitor.tokenOf(ADA, planted);
    const [read, write] = await land();
    expect(read).toMatchObject({ status: 200, token: undefined });
    expect(write).toMatchObject({ status: 401, token: undefined });
    expect(await visitor.post('/cart', planted)).toMatchObject({ status: 401, token: undefined });
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { passport: { user: 'ada' } } });
  });

  it('R61: a double-clicked sign-in of a visitor without a session succeeds', async () => {
    const answers = await Promise.all([visitor.signIn(), visitor.signIn()]);
    for (const { status, token } of answers) {
      expect(status).toBe(201);
      expect((await visitor.me(token)).user).toBe('Ada');
    }
  });

  const OTHERS: [string, (token: string) => Promise<Answer>][] = [
    ['has signed in', (token) => visitor.signIn(token)],
    ['has signed out', (token) => visitor.post('/logout', token)],
  ];

  it.each(OTHERS)(
    'law 7: a sign-in on its way is refused once another request %s, as Passport regenerates',
    async (_other, other) => {
      const before = await visitor.tokenOf(BOB);
      const land = await takeOff([() => slowSignIn(before)]);
      const { token: others } = await other(before);
      const now = await visitor.me(others);
      const [refused] = await land();
      expect(refused).toMatchObject({ status: 401, token: undefined });
      expect(refused?.json()).toMatchObject({ code: 'SESSION_ENDED' });
      expect(await visitor.me(others)).toEqual(now);
      expect(await sessions.load(before)).toBeUndefined();
    },
  );

  it.each(OTHERS)('law 7: a sign-in with a token whose holder %s is refused for a minute', async (_other, other) => {
    const before = await visitor.begin();
    await other(before);
    const refused = await visitor.signIn(before);
    expect(refused).toMatchObject({ status: 401, token: undefined });
    expect(refused.json()).toMatchObject({ code: 'SESSION_ENDED' });
    expect((await visitor.signIn()).status).toBe(201);
    clock.advance(60_001);
    expect((await visitor.me((await visitor.signIn(before)).token)).user).toBe('Ada');
  });

  it('R58: a logout on its way during a login of somebody else does not end it, and its answer changes no token', async () => {
    const adas = await visitor.tokenOf();
    const land = await takeOff([() => slowly('/logout', adas)]);
    const bobs = (await visitor.signIn(adas, BOB)).token as string;
    const [logout] = await land();
    expect(logout).toMatchObject({ status: 401, token: undefined });
    expect((await visitor.me(bobs)).user).toBe('Bob');
    expect((await visitor.me(adas)).user).toBeNull();
  });

  it('R62: what a slow request of a user changes beside others is not lost', async () => {
    const token = await visitor.tokenOf();
    const land = await takeOff([() => slowly('/cart', token)]);
    await visitor.post('/theme', token);
    await land();
    expect((await visitor.me(token)).data).toEqual({ cart: 1, theme: 'dark', passport: { user: 'ada' } });
  });
});
