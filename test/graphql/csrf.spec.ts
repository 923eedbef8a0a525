import { APP_GUARD } from '@nestjs/core';
import { Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { cookie, CsrfExempt, CsrfGuard, Session, type CsrfOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { ProbedStore } from '../support/stores.js';
import { post, resultOf, SERVERS, startGraphql } from './support/servers.js';
import { closeSubscribers, resultsOf, subscriber } from './support/subscriber.js';

const FOREIGN = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };

let transferred: number;

@Resolver()
class BankResolver {
  @Query(() => Boolean)
  ready(): boolean {
    return true;
  }

  @Mutation(() => Boolean)
  begin(@Session() session: Session<{ begun: boolean }>): boolean {
    return (session.begun = true);
  }

  @Mutation(() => Boolean)
  transfer(): boolean {
    transferred++;
    return true;
  }

  /** Looks at no session. */
  @Subscription(() => Boolean)
  async *transferring(): AsyncGenerator<{ transferring: boolean }> {
    transferred++;
    yield { transferring: true };
  }

  @Mutation(() => Boolean)
  @CsrfExempt()
  hook(): boolean {
    return true;
  }
}

afterEach(closeSubscribers);
afterEach(closeApps);

describe.each(SERVERS)('CSRF, session in a cookie, %s', (server) => {
  let store: ProbedStore;
  let url: string;
  let own: Record<string, string>;

  const start = async (csrf?: CsrfOptions): Promise<void> => {
    transferred = 0;
    store = new ProbedStore();
    ({ url } = await startGraphql(server, {
      providers: [BankResolver, ...(csrf?.at === 'handler' ? [{ provide: APP_GUARD, useClass: CsrfGuard }] : [])],
      session: { store, transport: cookie(csrf === undefined ? {} : { csrf }) },
      apollo: { subscriptions: { 'graphql-ws': true } },
      mercurius: { subscription: true },
    }));
    own = COOKIE.send(COOKIE.received(await post(url, 'mutation { begin }')) as string);
    store.calls.length = 0;
  };
  const forged = (query: string | string[]): Promise<Answer> => post(url, query, { headers: { ...own, ...FOREIGN } });

  it.each([
    ['an operation', 'mutation { transfer }'],
    ['a batch', ['mutation { transfer }']],
  ])('ASVS 3.5.1: a request of another site is refused at once, for %s', async (_, query) => {
    await start();
    const answer = await forged(query);
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('CSRF_REFUSED')]);
    expect([transferred, store.calls]).toEqual([0, []]);
    const { data } = resultOf(await post(url, 'mutation { transfer }', { headers: own }));
    expect([data, transferred]).toEqual([{ transfer: true }, 1]);
  });

  it('ASVS 3.5.1: a GET, which other sites may send, runs no mutation', async () => {
    await start();
    const query = encodeURIComponent('mutation { transfer }');
    const headers = { ...own, ...FOREIGN, 'Apollo-Require-Preflight': 'true' };
    expect((await call(url, `/graphql?query=${query}`, { headers })).status).toBe(405);
    expect(transferred).toBe(0);
  });

  it('with csrf.at handler CsrfGuard refuses each resolver', async () => {
    await start({ at: 'handler' });
    const { data, errors } = resultOf(await forged('mutation { transfer }'));
    expect([data, errors, transferred]).toEqual([
      null,
      [expect.objectContaining({ extensions: expect.objectContaining({ originalError: REFUSED }) })],
      0,
    ]);
    expect(resultOf(await post(url, 'mutation { transfer }', { headers: own })).data).toEqual({ transfer: true });
  });

  it('ASVS 3.5.1: with csrf.at handler CsrfGuard refuses what came by the WebSocket of another site, too', async () => {
    await start({ at: 'handler' });
    const results = (headers: Record<string, string>): Promise<unknown> =>
      resultsOf(subscriber(url, { headers }), 'subscription { transferring }');
    expect(await results({ ...own, ...FOREIGN })).toEqual([
      { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code: 'CSRF_REFUSED' }) })] },
    ]);
    expect([transferred, store.calls]).toEqual([0, []]);
    expect(await results({ ...own, Origin: url })).toEqual([{ data: { transferring: true } }]);
  });

  it('@CsrfExempt() lets no resolver through: the document may name others beside it', async () => {
    await start({ at: 'handler' });
    const { data, errors } = resultOf(await forged('mutation { hook transfer }'));
    expect([data, errors?.[0]?.extensions?.['originalError'], transferred]).toEqual([null, REFUSED, 0]);
  });
});

const REFUSED = expect.objectContaining({ statusCode: 403, code: 'CSRF_REFUSED' });
