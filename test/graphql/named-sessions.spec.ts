import { APP_GUARD } from '@nestjs/core';
import { Args, Int, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import {
  cookie,
  CsrfGuard,
  header,
  InjectSessionService,
  RequireLogin,
  Session,
  SessionModule,
  SessionService,
  UserId,
  type SessionTransport,
} from 'nestjs-token-session';
import { closeApps, SILENT } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { ProbedStore } from '../support/stores.js';
import { post, resultOf, SERVERS, startGraphql } from './support/servers.js';
import { closeSubscribers, resultsOf, subscriber } from './support/subscriber.js';

const ADMIN = 'X-Admin-Token';

interface Counted {
  count: number;
}

@Resolver()
class BackOfficeResolver {
  constructor(
    private readonly sessions: SessionService,
    @InjectSessionService('admin') private readonly admins: SessionService,
  ) {}

  @Query(() => [String], { nullable: 'items' })
  users(@UserId() user: string, @UserId({ name: 'admin' }) admin: string): string[] {
    return [user, admin];
  }

  @Query(() => String)
  @RequireLogin({ name: 'admin' })
  audit(@UserId({ name: 'admin' }) admin: string): string {
    return admin;
  }

  @Mutation(() => Int)
  count(@Session() session: Session<Counted>): number {
    return (session.count = (session.count ?? 0) + 1);
  }

  @Mutation(() => Int)
  countAsAdmin(@Session({ name: 'admin' }) session: Session<Counted>): number {
    return (session.count = (session.count ?? 0) + 1);
  }

  @Mutation(() => Boolean)
  async signIn(
    @Session() session: Session,
    @Session({ name: 'admin' }) admin: Session,
    @Args('layer') layer: string,
  ): Promise<boolean> {
    await (layer === 'admin' ? this.admins.login(admin, 'grace') : this.sessions.login(session, 'ada'));
    return true;
  }

  @Subscription(() => [String], { nullable: 'items' })
  async *watching(
    @UserId() user: string,
    @UserId({ name: 'admin' }) admin: string,
    @Session({ name: 'admin', key: 'count' }) count: number | undefined,
  ): AsyncGenerator<{ watching: (string | undefined)[] }> {
    yield { watching: [user, admin, count?.toString()] };
  }
}

afterEach(closeSubscribers);
afterEach(closeApps);

describe.each(SERVERS)('several sessions in resolvers, %s', (server) => {
  let shop: ProbedStore;
  let office: ProbedStore;
  let url: string;

  const start = async (transport: SessionTransport = header(ADMIN)): Promise<void> => {
    shop = new ProbedStore();
    office = new ProbedStore();
    ({ url } = await startGraphql(server, {
      providers: [BackOfficeResolver, { provide: APP_GUARD, useClass: CsrfGuard }],
      session: { store: shop },
      imports: [SessionModule.forRoot({ store: office, name: 'admin', transport, logger: SILENT })],
      apollo: { subscriptions: { 'graphql-ws': true } },
      mercurius: { subscription: true },
    }));
  };
  /** The headers of a client that has signed in to both. */
  const signedIn = async (): Promise<Record<string, string>> => {
    const { token } = await post(url, 'mutation { signIn(layer: "shop") }');
    const admin = (await post(url, 'mutation { signIn(layer: "admin") }')).headers[ADMIN.toLowerCase()];
    return { 'X-Auth-Token': token as string, [ADMIN]: admin as string };
  };
  const forget = (): void => {
    for (const { calls } of [shop, office]) calls.length = 0;
  };

  it('law 10: of one document each has one load and one commit, and none has those of the other', async () => {
    await start();
    const headers = await signedIn();
    forget();
    const mutations = 'mutation { a: count b: countAsAdmin c: countAsAdmin d: countAsAdmin e: count }';
    expect(resultOf(await post(url, mutations, { headers }))).toEqual({ data: { a: 1, b: 1, c: 2, d: 3, e: 2 } });
    expect([shop.calls, office.calls]).toEqual([
      ['load', 'update'],
      ['load', 'update'],
    ]);
    expect(resultOf(await post(url, '{ users }', { headers }))).toEqual({ data: { users: ['ada', 'grace'] } });
  });

  it('guards ask that of their name', async () => {
    await start();
    const { 'X-Auth-Token': token, [ADMIN]: admin } = await signedIn();
    const swapped = { 'X-Auth-Token': admin as string, [ADMIN]: token as string };
    for (const headers of [{ 'X-Auth-Token': token as string }, swapped]) {
      expect(resultOf(await post(url, '{ audit }', { headers })).errors?.[0]?.extensions).toMatchObject({
        originalError: { code: 'LOGIN_REQUIRED' },
      });
    }
    expect(resultOf(await post(url, '{ audit }', { headers: { [ADMIN]: admin as string } }))).toEqual({
      data: { audit: 'grace' },
    });
  });

  it('law 10: over a WebSocket, too, each by its own token, loaded once', async () => {
    await start();
    const { 'X-Auth-Token': token, [ADMIN]: admin } = await signedIn();
    const headers = { [ADMIN]: admin as string };
    await post(url, 'mutation { countAsAdmin }', { headers });
    const watched = async (connectionParams: Record<string, unknown>): Promise<unknown> =>
      resultsOf(subscriber(url, { connectionParams }), 'subscription { watching }');
    forget();
    expect(await watched({ 'X-Auth-Token': token, ...headers })).toEqual([
      { data: { watching: ['ada', 'grace', '1'] } },
    ]);
    expect([shop.calls, office.calls]).toEqual([['load'], ['load']]);
    expect(await watched(headers)).toEqual([{ data: { watching: [null, 'grace', '1'] } }]);
    expect(await watched({ 'X-Auth-Token': admin, [ADMIN]: token })).toEqual([
      { data: { watching: [null, null, null] } },
    ]);
  });

  it('ASVS 3.5.1: CsrfGuard refuses a foreign request also where only the cookie of a named one says so', async () => {
    await start(cookie({ csrf: { at: 'handler' } }));
    const own = COOKIE.send(COOKIE.received(await post(url, 'mutation { countAsAdmin }')) as string);
    const foreign = { ...own, 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };
    forget();
    const { data, errors } = resultOf(await post(url, 'mutation { count }', { headers: foreign }));
    expect([data, errors?.[0]?.extensions?.['originalError']]).toMatchObject([null, { code: 'CSRF_REFUSED' }]);
    expect([shop.calls, office.calls]).toEqual([[], []]);
    expect(resultOf(await post(url, 'mutation { countAsAdmin }', { headers: own }))).toEqual({
      data: { countAsAdmin: 2 },
    });
  });
});
