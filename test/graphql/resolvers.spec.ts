import { closeApps } from '../support/app.js';
import { ProbedStore } from '../support/stores.js';
import { ask, post, resultOf, SERVERS, startGraphql } from './support/servers.js';
import { ViewerResolver } from './support/viewer.resolver.js';

const EVERYTHING = '{ viewer { id user views theme } }';

afterEach(closeApps);

describe.each(SERVERS)('the session in resolvers, %s', (server) => {
  let store: ProbedStore;
  let url: string;

  beforeEach(async () => {
    store = new ProbedStore();
    ({ url } = await startGraphql(server, { providers: [ViewerResolver], session: { store } }));
  });

  it('law 3: a query without a session reads an empty one: no store call, no token', async () => {
    const answer = await post(url, EVERYTHING);
    expect(resultOf(answer)).toEqual({ data: { viewer: { id: null, user: null, views: 0, theme: 'light' } } });
    expect([answer.status, answer.token, store.calls]).toEqual([200, undefined, []]);
  });

  it('law 4: what a mutation changed is stored before the answer that brings the token', async () => {
    const answer = await post(url, 'mutation { addView }');
    expect(resultOf(answer)).toEqual({ data: { addView: 1 } });
    expect(answer.token).toMatch(/^[\w-]{43}$/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(store.calls).toEqual(['create']);
    expect(await ask(url, '{ viewer { views } }', answer.token)).toEqual({ viewer: { views: 1 } });
  });

  it('law 10: one load for a query, and nothing else, whatever the number of resolvers', async () => {
    const { token } = await post(url, 'mutation { choose(theme: "dark") { theme } }');
    store.calls.length = 0;
    const answer = await post(url, `{ one: viewer { id user views theme } two: viewer { views theme } }`, { token });
    expect(resultOf(answer)).toEqual({
      data: {
        one: { id: expect.stringMatching(/^[\w-]{43}$/), user: null, views: 0, theme: 'dark' },
        two: { views: 0, theme: 'dark' },
      },
    });
    expect([answer.token, store.calls]).toEqual([undefined, ['load']]);
  });

  it('law 10: one load and one commit for three mutations and their field resolvers', async () => {
    const { token } = await post(url, 'mutation { addView }');
    store.calls.length = 0;
    const mutations = 'mutation { a: addView b: choose(theme: "dark") { theme views } c: addView }';
    expect(await ask(url, mutations, token)).toEqual({ a: 2, b: { theme: 'dark', views: 2 }, c: 3 });
    expect(store.calls).toEqual(['load', 'update']);
    expect(await ask(url, '{ viewer { views theme } }', token)).toEqual({ viewer: { views: 3, theme: 'dark' } });
  });
});
