import { SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { ADA, BOB, directory, startWithPassport, Visitor, type PassportData } from '../support/passport.js';
import type { RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore, STORES } from '../support/stores.js';

/** As an application says whose a session of Passport's is. */
const userIdOf = (data: PassportData): string | undefined => data.passport?.user;

const NOBODY = { user: null, data: {} };

failOnUnhandledRejections();
afterEach(closeApps);

let running: RunningApp;
let visitor: Visitor;
let sessions: SessionService;

async function start(options: SessionOptions = {}): Promise<void> {
  running = await startWithPassport(options);
  visitor = new Visitor(running.url);
  sessions = running.get(SessionService);
}

const privately = (token?: string): Promise<Answer> => call(visitor.url, '/private', { token });

async function idOf(token: string): Promise<string> {
  return (await sessions.load(token))?.id as string;
}

describe.each(Object.entries(STORES))(
  'userIdOf binds the sessions of Passport, with the %s store',
  (_name, createStore) => {
    beforeEach(() => start({ userIdOf, store: createStore() }));

    it('law 7, CVE-2022-25896: one new token comes with the login, and the planted one opens nothing', async () => {
      const planted = await visitor.begin();
      const answer = await visitor.signIn(planted, ADA, '/login-keeping');
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(await visitor.me(answer.token)).toEqual({ user: 'Ada', data: { cart: 1, passport: { user: 'ada' } } });
      expect(await sessions.load(planted)).toBeUndefined();
      expect(await sessions.list('ada')).toMatchObject([{ id: await idOf(answer.token as string), userId: 'ada' }]);
    });

    it('ASVS 7.5.2: list has the sessions of each user, and no token', async () => {
      const [ada, bob] = [await visitor.tokenOf(), await visitor.tokenOf(BOB)];
      await visitor.begin();
      const listed = await sessions.list('ada');
      expect(listed.map(({ id }) => id)).toEqual([await idOf(ada)]);
      expect(JSON.stringify(listed)).not.toContain(ada);
      expect((await sessions.list('bob')).map(({ id }) => id)).toEqual([await idOf(bob)]);
    });

    it('ASVS 7.4.3: after destroyAll Passport sees nobody; other users go on', async () => {
      const tokens = [await visitor.tokenOf(), await visitor.tokenOf()];
      const bob = await visitor.tokenOf(BOB);
      expect(await sessions.destroyAll('ada')).toBe(2);
      for (const token of tokens) expect(await visitor.me(token)).toEqual(NOBODY);
      expect((await visitor.me(bob)).user).toBe('Bob');
    });

    it('@RequireLogin() lets through whom Passport signed in, until the logout', async () => {
      expect((await privately()).json()).toMatchObject({ statusCode: 401, code: 'LOGIN_REQUIRED' });
      expect((await privately(await visitor.begin())).json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
      const token = await visitor.tokenOf();
      expect((await privately(token)).text).toBe('Ada');
      const { token: anonymous } = await visitor.post('/logout', token);
      for (const held of [token, anonymous]) expect((await privately(held)).status).toBe(401);
      expect(await sessions.list('ada')).toEqual([]);
    });

    it('ASVS 7.1.2: maxPerUser counts them, and the one used longest ago goes', async () => {
      const clock = new TestClock();
      await start({ userIdOf, store: createStore(), maxPerUser: 2, clock: clock.now });
      const tokens: string[] = [];
      for (let i = 0; i < 3; i++) {
        tokens.push(await visitor.tokenOf());
        clock.advance(1_000);
      }
      const seen = await Promise.all(tokens.map(async (token) => (await visitor.me(token)).user));
      expect(seen).toEqual([null, 'Ada', 'Ada']);
    });
  },
);

describe('userIdOf and Passport', () => {
  it("ASVS 7.1.2: with onMaxPerUser 'reject' a login too many is 403 and signs nobody in", async () => {
    await start({ userIdOf, maxPerUser: 1, onMaxPerUser: 'reject' });
    const first = await visitor.tokenOf();
    for (const before of [undefined, await visitor.begin()]) {
      const refused = await visitor.signIn(before);
      expect(refused.status).toBe(403);
      expect(refused.json()).toMatchObject({ code: 'TOO_MANY_SESSIONS' });
      for (const held of [before, refused.token]) expect((await visitor.me(held)).user).toBeNull();
    }
    expect((await visitor.me(first)).user).toBe('Ada');
    expect(await sessions.list('ada')).toHaveLength(1);
  });

  it('a login of another user moves the session from the one list to the other', async () => {
    await start({ userIdOf });
    const ada = await visitor.tokenOf();
    const bob = (await visitor.signIn(ada, BOB, '/login-keeping')).token as string;
    expect(await sessions.list('ada')).toEqual([]);
    expect((await sessions.list('bob')).map(({ id }) => id)).toEqual([await idOf(bob)]);
    expect(await sessions.destroyAll('ada')).toBe(0);
    expect((await visitor.me(bob)).user).toBe('Bob');
  });

  it('when Passport finds that a user is gone, the session is nobody’s from then on', async () => {
    await start({ userIdOf });
    const token = await visitor.tokenOf();
    directory.find = (_id, done) => done(null, false);
    expect(await visitor.me(token)).toEqual({ user: null, data: { passport: {} } });
    expect(await sessions.list('ada')).toEqual([]);
    expect((await privately(token)).status).toBe(401);
  });

  it('the session of whose user nothing can be found out is neither ended nor changed', async () => {
    await start({ userIdOf });
    const token = await visitor.tokenOf();
    directory.find = (_id, done) => done(new Error('directory down'));
    const failed = await visitor.post('/cart', token);
    expect(failed).toMatchObject({ status: 500, token: undefined });
    expect(failed.text).not.toContain('directory');
    directory.find = (id, done) => done(null, id === 'ada' && ADA);
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { passport: { user: 'ada' } } });
    expect(await sessions.list('ada')).toHaveLength(1);
  });

  it('R60: a login that a sign-out everywhere meets on its way is refused, and leaves nothing', async () => {
    const store = new ProbedStore();
    await start({ userIdOf, store });
    const before = await visitor.begin();
    store.before = async (operation) => {
      if (operation !== 'users.settle') return;
      store.before = undefined;
      expect(await sessions.destroyAll('ada')).toBe(1);
    };
    const refused = await visitor.signIn(before);
    expect(refused.status).toBe(401);
    expect(refused.json()).toMatchObject({ code: 'SESSION_ENDED' });
    expect(await sessions.list('ada')).toEqual([]);
    for (const held of [before, refused.token]) expect((await visitor.me(held)).user).toBeNull();
  });

  it('law 12: a login is an event, with the user', async () => {
    await start({ userIdOf });
    const events = collectEvents(running);
    const id = await idOf(await visitor.tokenOf());
    expect(events).toContainEqual(expect.objectContaining({ type: 'authn_login_success', id, userId: 'ada' }));
  });
});

describe('without userIdOf', () => {
  it('they are plain data: not listed, not counted, not ended with the user, and no login to the guard', async () => {
    await start({ maxPerUser: 1 });
    const tokens = [await visitor.tokenOf(), await visitor.tokenOf()];
    expect(await sessions.list('ada')).toEqual([]);
    expect(await sessions.destroyAll('ada')).toBe(0);
    for (const token of tokens) {
      expect((await visitor.me(token)).user).toBe('Ada');
      expect((await privately(token)).json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
    }
  });
});
