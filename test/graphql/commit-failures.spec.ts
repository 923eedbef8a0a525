import { SessionService } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import type { RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { ask, post, SERVERS, startGraphql } from './support/servers.js';
import { ViewerResolver } from './support/viewer.resolver.js';

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(SERVERS)('what could not be stored is no success, %s', (server) => {
  let store: ProbedStore;
  let running: RunningApp;
  let url: string;
  let token: string;

  beforeEach(async () => {
    store = new ProbedStore();
    running = await startGraphql(server, { providers: [ViewerResolver], session: { store } });
    ({ url } = running);
    ({ token } = (await post(url, 'mutation { login(user: "ada") { user } }')) as { token: string });
  });

  const endBefore = (operation: string): void => {
    store.before = async (called) => {
      if (called !== operation) return;
      store.before = undefined;
      await running.get(SessionService).destroyAll('ada');
    };
  };

  it.each([
    ['an operation', 'mutation { addView }'],
    ['a batch', ['{ viewer { views } }', 'mutation { addView }']],
  ])('laws 4 and 6: a session that ended meanwhile: 401 in place of the whole answer, for %s', async (_, query) => {
    endBefore('update');
    const answer = await post(url, query, { token });
    expect([answer.status, answer.json()]).toEqual([
      401,
      { statusCode: 401, error: 'Unauthorized', code: 'SESSION_ENDED', message: expect.any(String) },
    ]);
    expect(answer.text).not.toContain('addView');
    expect([answer.token, answer.headers['cache-control']]).toEqual([undefined, 'no-store']);
    expect(await ask(url, '{ viewer { user views } }', token)).toEqual({ viewer: { user: null, views: 0 } });
  });

  it('laws 4 and 9: a store that refuses: 503 in place of the whole answer', async () => {
    store.before = (operation) => {
      if (operation === 'update') throw new Error('down');
    };
    const answer = await post(url, 'mutation { addView choose(theme: "dark") { theme } }', { token });
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'STORE_UNAVAILABLE' }]);
    expect(answer.text).not.toContain('addView');
    store.before = undefined;
    expect(await ask(url, '{ viewer { views theme } }', token)).toEqual({ viewer: { views: 0, theme: 'light' } });
  });

  it('law 6: a logout that the store refuses is no part of an answer that tells of a success beside it', async () => {
    store.before = (operation) => {
      if (operation === 'destroy') throw new Error('down');
    };
    const answer = await post(url, 'mutation { addView logout }', { token });
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'STORE_UNAVAILABLE' }]);
    expect(answer.text).not.toContain('addView');
    expect(answer.token).toBeUndefined();
  });

  it('law 9: a store that can not be read fails what uses the session, as a GraphQL error with our code', async () => {
    store.before = () => {
      throw new Error('down');
    };
    const answer = await post(url, '{ __typename viewer { views } }', { token });
    expect(answer.json()).toMatchObject({
      data: null,
      errors: [{ path: ['viewer'], extensions: { originalError: { statusCode: 503, code: 'STORE_UNAVAILABLE' } } }],
    });
    expect((await post(url, '{ __typename }', { token })).json()).toEqual({ data: { __typename: 'Query' } });
  });

  it('law 4: what one mutation changed is stored, also when another one in the document fails', async () => {
    const answer = await post(url, 'mutation { addView login(user: "") { user } }', { token });
    expect(answer.json()).toMatchObject({ data: null, errors: [{ path: ['login'] }] });
    expect(await ask(url, '{ viewer { views } }', token)).toEqual({ viewer: { views: 1 } });
  });
});
