import { closeApps } from '../support/app.js';
import { ProbedStore } from '../support/stores.js';
import { ask, post, SERVERS, startGraphql } from './support/servers.js';
import { ViewerResolver } from './support/viewer.resolver.js';

afterEach(closeApps);

describe.each(SERVERS)('several operations in one HTTP request, %s', (server) => {
  let store: ProbedStore;
  let url: string;

  beforeEach(async () => {
    store = new ProbedStore();
    ({ url } = await startGraphql(server, { providers: [ViewerResolver], session: { store } }));
  });

  it('law 10: share one session: one load, one commit, and none of their changes is lost', async () => {
    const { token } = await post(url, 'mutation { addView }');
    store.calls.length = 0;
    const answer = await post(
      url,
      ['mutation { addView }', 'mutation { choose(theme: "dark") { theme } }', 'mutation { addView }'],
      { token },
    );
    expect([answer.status, answer.json()]).toEqual([
      200,
      [{ data: { addView: 2 } }, { data: { choose: { theme: 'dark' } } }, { data: { addView: 3 } }],
    ]);
    expect(store.calls).toEqual(['load', 'update']);
    expect(await ask(url, '{ viewer { views theme } }', token)).toEqual({ viewer: { views: 3, theme: 'dark' } });
  });

  it('law 4: begin one session together, with one token', async () => {
    const answer = await post(url, ['mutation { addView }', 'mutation { addView }']);
    expect(answer.json()).toEqual([{ data: { addView: 1 } }, { data: { addView: 2 } }]);
    expect(store.calls).toEqual(['create']);
    expect(answer.token).toMatch(/^[\w-]{43}$/);
    expect(await ask(url, '{ viewer { views } }', answer.token)).toEqual({ viewer: { views: 2 } });
  });

  it('that only read cost one load', async () => {
    const { token } = await post(url, 'mutation { addView }');
    store.calls.length = 0;
    await post(url, ['{ viewer { views } }', '{ viewer { theme } }', '{ viewer { user } }'], { token });
    expect(store.calls).toEqual(['load']);
  });
});
