import { SessionService } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { BOB, directory, startWithPassport, Visitor } from '../support/passport.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

/** What is said of nobody: Passport sees none, and there are no data. */
const NOBODY = { user: null, data: {} };

failOnUnhandledRejections();
afterEach(closeApps);

describe('Passport as module middleware on Express, with passport-local', () => {
  let store: ProbedStore;
  let visitor: Visitor;
  let sessions: SessionService;

  beforeEach(async () => {
    store = new ProbedStore();
    const running = await startWithPassport({ store });
    visitor = new Visitor(running.url);
    sessions = running.get(SessionService);
  });

  it('law 3: who is not signed in costs nothing; who is, one load', async () => {
    expect(await visitor.me(undefined)).toEqual(NOBODY);
    expect(store.calls).toEqual([]);
    const token = await visitor.tokenOf();
    store.calls.length = 0;
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { passport: { user: 'ada' } } });
    expect(store.calls).toEqual(['load']);
  });

  it('a wrong password signs nobody in, and leaves the session as it was', async () => {
    const token = await visitor.begin();
    const refused = await visitor.post('/login', token, { body: { username: 'ada', password: 'Bob' } });
    expect(refused).toMatchObject({ status: 401, token: undefined });
    expect(await visitor.me(token)).toEqual({ user: null, data: { cart: 1 } });
  });

  describe('login', () => {
    it('law 7, ASVS 7.2.4, CVE-2022-25896: a token that was planted opens nothing after the login', async () => {
      const planted = await visitor.begin();
      const answer = await visitor.signIn(planted);
      expect(answer).toMatchObject({ status: 201, text: 'welcome Ada' });
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(answer.token).not.toBe(planted);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(await sessions.load(planted)).toBeUndefined();
      expect(await visitor.me(planted)).toEqual(NOBODY);
      expect((await visitor.me(answer.token)).user).toBe('Ada');
    });

    it('law 7: no data of nobody move into the session of a user', async () => {
      const token = await visitor.tokenOf(undefined, await visitor.begin());
      expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { passport: { user: 'ada' } } });
    });

    it('with keepSessionInfo they do, under a new token all the same', async () => {
      const before = await visitor.begin();
      const { token } = await visitor.signIn(before, undefined, '/login-keeping');
      expect(token).not.toBe(before);
      expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { cart: 1, passport: { user: 'ada' } } });
      expect(await visitor.me(before)).toEqual(NOBODY);
    });

    it.each(['/login', '/login-keeping'])('%s of another user takes the place of the first', async (path) => {
      const before = await visitor.tokenOf();
      const { token } = await visitor.signIn(before, BOB, path);
      expect(await visitor.me(token)).toEqual({ user: 'Bob', data: { passport: { user: 'bob' } } });
      expect(await visitor.me(before)).toEqual(NOBODY);
    });

    it('law 4, L88: the session is stored before the redirect leaves', async () => {
      const barrier = new Barrier();
      store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
      const answered = visitor.signIn(undefined, undefined, '/login-redirect');
      await barrier.arrived;
      const first = await Promise.race([answered, call(visitor.url, '/me')]);
      expect(first.json()).toEqual(NOBODY);
      barrier.open();
      const redirect = await answered;
      expect(redirect).toMatchObject({ status: 302, headers: { location: '/me' } });
      expect((await visitor.me(redirect.token)).user).toBe('Ada');
    });

    it.each(['create', 'update'])('law 4, F78: 503 and no token when the store fails at %s', async (failing) => {
      const token = await visitor.begin();
      store.before = (operation) => {
        if (operation === failing) throw new Error('disk full');
      };
      const refused = await visitor.signIn(token);
      store.before = undefined;
      expect(refused).toMatchObject({ status: 503, token: undefined });
      expect(refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(await visitor.me(token)).toEqual({ user: null, data: { cart: 1 } });
    });

    it('signs nobody in when the serializer throws', async () => {
      directory.idOf = () => {
        throw new Error('no such column');
      };
      const token = await visitor.begin();
      const failed = await visitor.signIn(token);
      expect(failed.status).toBe(500);
      for (const held of [token, failed.token]) expect(await visitor.me(held)).toEqual(NOBODY);
    });
  });

  describe('logout', () => {
    it('law 7: gives a new token of nobody; the old one is dead, and no data move along', async () => {
      const token = await visitor.tokenOf();
      await visitor.post('/cart', token);
      const answer = await visitor.post('/logout', token);
      expect(answer.status).toBe(201);
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(answer.token).not.toBe(token);
      expect(await sessions.load(token)).toBeUndefined();
      for (const held of [token, answer.token]) expect(await visitor.me(held)).toEqual(NOBODY);
    });

    it('with keepSessionInfo the data move along, the user does not', async () => {
      const token = await visitor.tokenOf();
      await visitor.post('/cart', token);
      const answer = await visitor.post('/logout-keeping', token);
      expect(await visitor.me(answer.token)).toEqual({ user: null, data: { cart: 1, passport: {} } });
      expect(await visitor.me(token)).toEqual(NOBODY);
    });

    it('law 6: a slow request does not bring the session back', async () => {
      const token = await visitor.tokenOf();
      const barrier = new Barrier();
      directory.find = (_id, done) => void barrier.pass().then(() => done(null, BOB));
      const slow = visitor.post('/cart', token);
      await barrier.arrived;
      directory.find = (_id, done) => done(null, BOB);
      const { token: anonymous } = await visitor.post('/logout', token);
      barrier.open();
      const refused = await slow;
      expect(refused).toMatchObject({ status: 401, token: undefined });
      expect(refused.json()).toMatchObject({ code: 'SESSION_ENDED' });
      for (const held of [token, anonymous]) expect(await visitor.me(held)).toEqual(NOBODY);
    });

    it.each([
      ['update', 'Ada'],
      // Passport takes the user out of the session and stores that, before it asks for a new token.
      ['create', null],
    ])('F77: 503 when the store fails at %s, and the token goes on for %s', async (failing, user) => {
      const token = await visitor.tokenOf();
      store.before = (operation) => {
        if (operation === failing) throw new Error('disk full');
      };
      expect(await visitor.post('/logout', token)).toMatchObject({ status: 503, token: undefined });
      store.before = undefined;
      expect((await visitor.me(token)).user).toBe(user);
    });

    it('twice, one after the other: the second with the old token is refused, with the new one it is as nothing', async () => {
      const token = await visitor.tokenOf();
      const { token: anonymous } = await visitor.post('/logout', token);
      const again = await visitor.post('/logout', token);
      expect(again).toMatchObject({ status: 401, token: undefined });
      expect(again.json()).toMatchObject({ code: 'SESSION_ENDED' });
      expect((await visitor.post('/logout', anonymous)).status).toBe(201);
    });

    it('twice at once: both are carried out or refused, the user is signed out, and no token of the old lineage lives', async () => {
      const token = await visitor.tokenOf();
      const loaded = new Barrier(2);
      directory.find = (_id, done) => void loaded.pass().then(() => done(null, BOB));
      const both = [visitor.post('/logout', token), visitor.post('/logout', token)];
      await loaded.arrived;
      loaded.open();
      const answers = await Promise.all(both);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 401]);
      expect(answers.filter((answer) => answer.token !== undefined)).toHaveLength(1);
      for (const held of [token, ...answers.map((answer) => answer.token)]) {
        expect(await visitor.me(held)).toEqual(NOBODY);
      }
      expect(await sessions.load(token)).toBeUndefined();
    });
  });
});
