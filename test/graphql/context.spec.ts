import { closeApps } from '../support/app.js';
import { ask, post, resultOf, SERVERS, startGraphql, type GraphqlPlan } from './support/servers.js';
import { ViewerResolver } from './support/viewer.resolver.js';

type Context = (...args: unknown[]) => unknown;

afterEach(closeApps);

describe.each(SERVERS)('the GraphQL context, %s', (server) => {
  const start = async (context: Context | object): Promise<string> => {
    const plan: GraphqlPlan = { providers: [ViewerResolver], graphql: { context } };
    return (await startGraphql(server, plan)).url;
  };
  const counts = async (url: string): Promise<void> => {
    const { token } = await post(url, 'mutation { addView }');
    expect(await ask(url, 'mutation { addView }', token)).toEqual({ addView: 2 });
  };

  it.each([
    ['a function that gives other things', () => ({ tenant: 'a' })],
    ['an asynchronous one', async () => ({ tenant: 'a' })],
    ['one that gives nothing', () => undefined],
  ])('of the application may be %s: Nest adds the request', async (_, context) => {
    await counts(await start(context));
  });

  it('law 10: that is one object for all requests shows nobody the session of another', async () => {
    const url = await start({ tenant: 'a' });
    if (server.startsWith('Apollo')) return counts(url);
    // @nestjs/mercurius puts the first request into it, and leaves it there.
    const { token } = await post(url, 'mutation { login(user: "ada") { user } }');
    for (const other of [undefined, token]) {
      const { data, errors } = resultOf(await post(url, '{ viewer { user } }', { token: other }));
      expect([data, errors?.[0]?.message]).toEqual([null, expect.stringContaining('one object for all requests')]);
    }
  });

  it('may have the request by itself', async () => {
    // Apollo on Express gives { req, res }, the others the request first.
    await counts(await start((first: unknown) => ({ req: (first as { req?: object }).req ?? first })));
  });

  it.each([
    ['something else as req', () => ({ req: { user: 'ada' } })],
    ['no object', () => 'context'],
  ])('with %s: an error that says what to put there', async (_, context) => {
    // Mercurius itself needs an object.
    if (server.startsWith('Mercurius') && typeof context() !== 'object') return;
    const url = await start(context);
    const { data, errors } = resultOf(await post(url, 'mutation { addView }'));
    expect([data, errors?.[0]?.message]).toEqual([
      null,
      '@Session() found no request in the GraphQL context, where `req` has to be the HTTP request: leave it to Nest, ' +
        'as in `context: () => ({ … })`, or put it there, as in `context: ({ req }) => ({ req, … })`.',
    ]);
  });
});
