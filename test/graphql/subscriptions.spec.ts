import { Args, Int, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { cookie, header, RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { TestClock } from '../support/clock.js';
import { COOKIE, HEADER } from '../support/carriers.js';
import { ProbedStore } from '../support/stores.js';
import { ask, post, SERVERS, startGraphql } from './support/servers.js';
import { closeSubscribers, resultsOf, subscriber } from './support/subscriber.js';
import { Viewer, ViewerResolver, type Viewed } from './support/viewer.resolver.js';

interface Cart {
  items: { names: string[] }[];
}

/** Between the first event and the second. */
let between: Barrier;

@Resolver()
class EventsResolver {
  constructor(private readonly sessions: SessionService) {}

  @Subscription(() => Viewer)
  async *twice(): AsyncGenerator<{ twice: Viewer }> {
    yield { twice: {} };
    await between.pass();
    yield { twice: {} };
  }

  @Subscription(() => String)
  @RequireLogin()
  async *account(@UserId() userId: string, @Session('theme') theme = 'light'): AsyncGenerator<{ account: string }> {
    yield { account: `${userId}, ${theme}` };
  }

  @Subscription(() => Int)
  async *assigning(@Session() session: Session<Viewed>): AsyncGenerator<{ assigning: number }> {
    session.views = 7;
    yield { assigning: session.views };
  }

  @Subscription(() => [String])
  async *pushing(@Session() session: Session<Cart>): AsyncGenerator<{ pushing: string[] }> {
    await this.sessions.update(session, (draft) => {
      draft.items = [{ names: ['tea'] }];
    });
    session.items?.[0]?.names.push('lost');
    yield { pushing: session.items?.[0]?.names ?? [] };
  }

  @Mutation(() => Boolean)
  fill(@Session() session: Session<Cart>): boolean {
    session.items = [{ names: ['tea'] }];
    return true;
  }

  @Query(() => [String])
  async changed(@Session() session: Session<Cart>): Promise<string[]> {
    for (const change of [() => session.items?.pop(), () => session.items?.[0]?.names.push('lost')]) {
      expect(change).toThrow(TypeError);
    }
    await this.sessions.update(session, ({ items }) => items?.[0]?.names.push('jam'));
    return session.items?.[0]?.names ?? [];
  }

  @Subscription(() => Int)
  async *updating(@Session() session: Session<Viewed>): AsyncGenerator<{ updating: number }> {
    await this.sessions.update(session, (draft) => {
      draft.views = (draft.views ?? 0) + 1;
    });
    yield { updating: session.views ?? 0 };
  }

  @Subscription(() => Int)
  async *untilSignedOut(@Session() session: Session): AsyncGenerator<{ untilSignedOut: number }> {
    const ended = new Promise<void>((resolve) => {
      this.sessions.ended$(session).subscribe(() => resolve());
    });
    yield { untilSignedOut: 1 };
    await ended;
  }

  @Mutation(() => Boolean)
  async signOut(@Args('user') user: string): Promise<boolean> {
    return (await this.sessions.destroyAll(user)) > 0;
  }
}

afterEach(closeSubscribers);
afterEach(closeApps);

describe.each(SERVERS)('subscriptions, %s', (server) => {
  let store: ProbedStore;
  let url: string;
  const clock = new TestClock();

  const start = async (): Promise<void> => {
    store = new ProbedStore();
    ({ url } = await startGraphql(server, {
      providers: [ViewerResolver, EventsResolver],
      session: { store, transport: [header(), cookie()], clock: clock.now, idleTimeout: '30m' },
      apollo: { subscriptions: { 'graphql-ws': true } },
      mercurius: { subscription: { fullWsTransport: true } },
    }));
  };
  const login = async (): Promise<string> =>
    (await post(url, 'mutation { login(user: "ada") { user } }')).token as string;

  it.each([
    ['a header of the handshake', (token: string) => ({ headers: HEADER.send(token) })],
    ['its cookie', (token: string) => ({ headers: COOKIE.send(token) })],
    [
      'connectionParams under the name of the header',
      (token: string) => ({ connectionParams: { 'x-auth-token': token } }),
    ],
    ['headers in connectionParams', (token: string) => ({ connectionParams: { headers: HEADER.send(token) } })],
  ])('have the session whose token came by %s', async (_, opening) => {
    await start();
    const client = subscriber(url, opening(await login()));
    expect(await resultsOf(client, 'subscription { account }')).toEqual([{ data: { account: 'ada, light' } }]);
  });

  it('law 1: the header of the handshake counts where connectionParams say another', async () => {
    await start();
    const client = subscriber(url, { headers: HEADER.send('x'), connectionParams: HEADER.send(await login()) });
    expect(await resultsOf(client, 'subscription { account }')).toEqual([
      { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code: 'LOGIN_REQUIRED' }) })] },
    ]);
  });

  it('are refused by guards with our code', async () => {
    await start();
    expect(await resultsOf(subscriber(url), 'subscription { account }')).toEqual([
      {
        errors: [
          expect.objectContaining({
            extensions: { code: 'LOGIN_REQUIRED', originalError: expect.objectContaining({ statusCode: 401 }) },
          }),
        ],
      },
    ]);
  });

  it('law 10: load the session once for each event that asks, and see what has become of it', async () => {
    await start();
    between = new Barrier();
    const token = await login();
    const client = subscriber(url, { headers: HEADER.send(token) });
    store.calls.length = 0;
    const results = resultsOf(client, 'subscription { twice { user views theme } }');
    await between.arrived;
    const loads = store.calls.filter((call) => call === 'load').length;
    await ask(url, 'mutation { addView }', token);
    await ask(url, 'mutation { signOut(user: "ada") }');
    store.calls.length = 0;
    between.open();
    expect(await results).toEqual([
      { data: { twice: { user: 'ada', views: 0, theme: 'light' } } },
      { data: { twice: { user: null, views: 0, theme: 'light' } } },
    ]);
    expect(store.calls).toEqual(['load']);
    // Fastify's own handshake is a request too.
    expect(loads).toBe(server.startsWith('Mercurius') ? 2 : 1);
  });

  it('law 4: refuse an assignment, which nothing would store; update() stores', async () => {
    await start();
    const token = await login();
    const client = subscriber(url, { headers: HEADER.send(token) });
    expect(await resultsOf(client, 'subscription { updating }')).toEqual([{ data: { updating: 1 } }]);
    expect(await ask(url, '{ viewer { views } }', token)).toEqual({ viewer: { views: 1 } });
    const refused = await resultsOf(client, 'subscription { assigning }').catch((error: unknown) => error);
    expect(refused).not.toEqual([expect.objectContaining({ data: { assigning: 7 } })]);
    expect(await ask(url, '{ viewer { views } }', token)).toEqual({ viewer: { views: 1 } });
  });

  it('law 4: refuse a change within a value, which nothing would store either; so do queries over a WebSocket', async () => {
    await start();
    const { token } = await post(url, 'mutation { fill }');
    const client = subscriber(url, { headers: HEADER.send(token as string) });
    const refused = await resultsOf(client, 'subscription { pushing }').catch((error: unknown) => error);
    expect(JSON.stringify(refused)).not.toContain('lost');
    expect(await resultsOf(client, '{ changed }')).toEqual([{ data: { changed: ['tea', 'jam'] } }]);
  });

  it('law 7: refuse a login, whose token they could not send, and say where it belongs', async () => {
    await start();
    const client = subscriber(url, { headers: HEADER.send(await login()) });
    const [refused] = await resultsOf(client, 'mutation { login(user: "eve") { user } }');
    expect(refused?.errors?.[0]?.message).toContain('in an HTTP request');
  });

  it('law 8: move the idle clock when they start, and not by events, which no user brings about', async () => {
    await start();
    between = new Barrier();
    const token = await login();
    clock.advance('20m');
    store.calls.length = 0;
    const results = resultsOf(subscriber(url, { headers: HEADER.send(token) }), 'subscription { twice { user } }');
    await between.arrived;
    clock.advance('20m');
    const calls = store.calls.splice(0);
    between.open();
    const seen = (user: string | null): object => ({ data: { twice: { user } } });
    // Fastify's own handshake is a request of the client; with Apollo on Express nothing else is: nobody asks at the start.
    const isAlive = server.startsWith('Mercurius');
    expect(calls.includes('touch')).toBe(isAlive);
    expect(await results).toEqual([seen('ada'), seen(isAlive ? 'ada' : null)]);
    expect(store.calls).toEqual(['load']);
    clock.advance('10m');
    expect(await ask(url, '{ viewer { user } }', token)).toEqual({ viewer: { user: null } });
  });

  it('law 8: move it by starting one whose resolver asks for the session', async () => {
    await start();
    const token = await login();
    for (let times = 0; times < 3; times++) {
      clock.advance('20m');
      const client = subscriber(url, { headers: HEADER.send(token) });
      expect(await resultsOf(client, 'subscription { account }')).toEqual([{ data: { account: 'ada, light' } }]);
    }
  });

  it('law 1: begin no session', async () => {
    await start();
    await resultsOf(subscriber(url), 'subscription { updating }').catch(() => undefined);
    expect(store.calls).toEqual([]);
  });

  it('end with the session where they ask for that', async () => {
    await start();
    const client = subscriber(url, { headers: HEADER.send(await login()) });
    const events = client.iterate({ query: 'subscription { untilSignedOut }' });
    expect((await events.next()).value).toEqual({ data: { untilSignedOut: 1 } });
    await ask(url, 'mutation { signOut(user: "ada") }');
    expect(await events.next()).toMatchObject({ done: true });
  });

  it.each([
    ['of another site', 'https://evil.example', false],
    ['of our own', undefined, true],
  ])('ASVS 3.5.1: by the cookie, a page %s', async (_, foreign, isServed) => {
    await start();
    const headers = { ...COOKIE.send(await login()), Origin: foreign ?? url };
    const client = subscriber(url, { headers, connectionParams: { Origin: url, 'sec-fetch-site': 'same-origin' } });
    store.calls.length = 0;
    const results = await resultsOf(client, 'subscription { account }').catch(() => 'no connection');
    if (isServed) expect(results).toEqual([{ data: { account: 'ada, light' } }]);
    else if (server.startsWith('Mercurius')) expect(results).toBe('no connection');
    else {
      expect(results).toEqual([
        { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code: 'CSRF_REFUSED' }) })] },
      ]);
    }
    expect(store.calls.includes('load')).toBe(isServed);
  });
});
