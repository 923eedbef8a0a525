import { CARRIERS } from '../support/carriers.js';
import { closeApps } from '../support/app.js';
import { post, resultOf, SERVERS, startGraphql } from './support/servers.js';
import { ViewerResolver } from './support/viewer.resolver.js';

const LOGIN = 'mutation { login(user: "ada") { user theme views } }';

afterEach(closeApps);

describe.each(SERVERS)('%s', (server) => {
  describe.each(CARRIERS)('signing in by a mutation, token in $name', ({ transport, send, received }) => {
    let url: string;

    beforeEach(async () => {
      ({ url } = await startGraphql(server, { providers: [ViewerResolver], session: { transport: transport() } }));
    });

    it('law 7: gives a new token, and fields of the mutation see the user and what moved along', async () => {
      const anonymous = received(await post(url, 'mutation { addView choose(theme: "dark") { theme } }')) as string;
      const answer = await post(url, LOGIN, { headers: send(anonymous) });
      expect(resultOf(answer)).toEqual({ data: { login: { user: 'ada', theme: 'dark', views: 0 } } });
      const token = received(answer) as string;
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(token).not.toBe(anonymous);
      const seen = async (value: string): Promise<unknown> =>
        resultOf(await post(url, '{ viewer { user } }', { headers: send(value) })).data;
      expect(await seen(token)).toEqual({ viewer: { user: 'ada' } });
      expect(await seen(anonymous)).toEqual({ viewer: { user: null } });
    });

    it('a mutation after it in the same document changes the session of the user', async () => {
      const answer = await post(url, 'mutation { login(user: "ada") { user } addView }');
      expect(resultOf(answer)).toEqual({ data: { login: { user: 'ada' }, addView: 1 } });
      const again = await post(url, '{ viewer { user views } }', { headers: send(received(answer) as string) });
      expect(resultOf(again).data).toEqual({ viewer: { user: 'ada', views: 1 } });
    });

    it('law 6: signing out clears the token, which opens nothing any more', async () => {
      const token = received(await post(url, LOGIN)) as string;
      const answer = await post(url, 'mutation { logout }', { headers: send(token) });
      expect(resultOf(answer)).toEqual({ data: { logout: true } });
      expect(received(answer)).toBe('');
      const after = await post(url, '{ viewer { user } }', { headers: send(token) });
      expect(resultOf(after).data).toEqual({ viewer: { user: null } });
    });
  });
});
