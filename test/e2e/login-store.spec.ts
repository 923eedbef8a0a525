import type { AtomicSessionStore, LoginOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { info, login, refusalOf, ScriptedApp, type Data } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(PLATFORMS)('a login and the store on %s', (platform) => {
  let store: ProbedStore;
  let app: ScriptedApp;

  beforeEach(async () => {
    store = new ProbedStore();
    app = await ScriptedApp.start(platform, { store });
  });

  const visit = async (): Promise<string> => (await app.run((session) => void (session['cart'] = 1))).issued as string;

  describe('law 3: costs', () => {
    const visit = async (): Promise<string> =>
      (await app.run((session) => void (session['cart'] = 1))).issued as string;
    const costOf = async (options: LoginOptions<Data>, token?: string): Promise<string[]> => {
      store.calls.length = 0;
      await app.signIn('ada', options, token);
      return store.calls;
    };

    it('three store commands without a session, five in place of an anonymous one', async () => {
      expect(await costOf({})).toEqual(['users.add', 'create', 'users.settle']);
      const replacing = ['load', 'users.add', 'create', 'users.settle', 'update'];
      expect(await costOf({}, await visit())).toEqual(replacing);
      expect(await costOf({ keep: ['cart'] }, await visit())).toEqual(replacing);
    });

    it('five in place of a session of the same user', async () => {
      const token = await app.signIn('ada');
      expect(await costOf({}, token)).toEqual(['load', 'users.add', 'create', 'update', 'users.settle']);
    });

    it('six in place of a session of another user, who has no entry left', async () => {
      const token = await app.signIn('bob');
      const cost = await costOf({}, token);
      expect(cost).toEqual(['load', 'users.add', 'create', 'users.settle', 'update', 'users.remove']);
      expect(await store.users?.list('bob')).toEqual([]);
    });

    it('none for who is signed in already: reading costs one load', async () => {
      const token = await app.signIn('ada');
      store.calls.length = 0;
      await app.run(info, token);
      expect(store.calls).toEqual(['load']);
    });
  });

  describe('law 9: while the store fails', () => {
    it.each(['users.add', 'create', 'users.settle', 'update'])(
      '%s: 503, no token is set or cleared, the anonymous session goes on, the user has none',
      async (failing) => {
        const visitor = await visit();
        store.before = (operation) => {
          if (operation === failing) throw new Error('connection lost');
        };
        const thrown = await app.run(login('ada'), visitor);
        const swallowed = await app.run((session, sessions) => refusalOf(sessions.login(session, 'ada')), visitor);
        const unawaited = await app.run((session, sessions) => void sessions.login(session, 'ada'), visitor);
        for (const answer of [thrown, swallowed, unawaited]) {
          expect([answer.status, answer.code, answer.issued]).toEqual([503, 'STORE_UNAVAILABLE', undefined]);
        }
        store.before = undefined;
        expect([await app.dataOf(visitor), await app.sessions.list('ada'), store.count()]).toEqual([
          { cart: 1 },
          [],
          1,
        ]);
      },
    );

    it('F77: a destroy that failed is told, also when a login follows it', async () => {
      const old = await app.signIn('ada');
      store.before = (operation) => {
        if (operation === 'destroy') throw new Error('connection lost');
      };
      const answer = await app.run(async (session, sessions) => {
        await refusalOf(session.destroy());
        await sessions.login(session, 'ada');
      }, old);
      expect([answer.status, answer.code]).toEqual([503, 'STORE_UNAVAILABLE']);
    });
  });

  it('binds a session to its user also where the store has no index of users, and says what that can not do', async () => {
    const { inner } = store;
    const without: AtomicSessionStore = {
      load: (id) => inner.load(id),
      create: (id, record) => inner.create(id, record),
      update: (id, record, version) => inner.update(id, record, version),
      touch: (id, times) => inner.touch(id, times),
      destroy: (id) => inner.destroy(id),
    };
    app = await ScriptedApp.start(platform, { store: without });
    const token = await app.signIn('ada');
    expect((await app.run(info, token)).result).toMatchObject({ userId: 'ada', level: 1 });
    const { sessions } = app;
    for (const outcome of [sessions.list('ada'), sessions.destroyById('ada', 'x'), sessions.destroyAll('ada')]) {
      expect(await refusalOf(outcome)).toEqual({ code: 'NOT_SUPPORTED', message: expect.stringContaining('users') });
    }
  });
});
