import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { bearer, cookie, header, type SessionOptions, type SessionTransport } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { testSessions } from 'nestjs-token-session/testing';
import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { bySupertest, CLIENTS, closeShops, openShop } from './shop.js';

afterEach(closeShops);

/** A cookie whose value is signed, as an application may write it. */
function signedCookie(): SessionTransport {
  const signature = (token: string): string => createHmac('sha256', 'secret').update(token).digest('base64url');
  return {
    name: 'signed',
    explicit: false,
    vary: 'Cookie',
    read({ raw }) {
      const [token, signed] = (/(?:^|; )tok=([^;]*)/.exec(raw.headers.cookie ?? '')?.[1] ?? '').split('.');
      return token === undefined || token === '' ? undefined : signed === signature(token) ? token : '';
    },
    send: (answer, token) => {
      answer.addCookie(`tok=${token}.${signature(token)}; Path=/; HttpOnly`);
    },
    clear: (answer) => {
      answer.addCookie('tok=; Path=/; Max-Age=0');
    },
  };
}

/** A header with a scheme of its own, answered in another header. */
function ownScheme(): SessionTransport {
  return {
    name: 'own',
    explicit: true,
    vary: 'X-Session',
    read: ({ raw }) => (raw.headers['x-session'] as string | undefined)?.replace('Token ', ''),
    send: (answer, token) => {
      answer.setHeader('X-New-Session', `Token ${token}`);
    },
    clear: (answer) => {
      answer.setHeader('X-New-Session', 'none');
    },
  };
}

/** A transport that no header carries. */
function inQuery(): SessionTransport {
  return {
    name: 'query',
    explicit: true,
    vary: '',
    read: ({ raw }) => new URL(raw.url ?? '/', 'http://localhost').searchParams.get('sid') ?? undefined,
    send: (answer, token) => {
      answer.setHeader('X-Sid', token);
    },
    clear: () => undefined,
  };
}

const TRANSPORTS: [string, SessionOptions['transport'], string, RegExp][] = [
  ['header', header(), 'x-auth-token', /^[\w-]{43}$/],
  ['a header of another name', header('X-Shop'), 'x-shop', /^[\w-]{43}$/],
  ['bearer', bearer(), 'authorization', /^Bearer [\w-]{43}$/],
  ['bearer, answered elsewhere', bearer({ answerIn: 'X-Shop' }), 'authorization', /^Bearer [\w-]{43}$/],
  ['cookie', cookie(), 'cookie', /^__Host-sid=[\w-]{43}$/],
  ['a cookie of another name', cookie({ name: 'shop', secure: 'auto' }), 'cookie', /^shop=[\w-]{43}$/],
  ['a cookie by request', cookie(() => ({ name: 'shop', secure: 'auto' })), 'cookie', /^shop=[\w-]{43}$/],
  ['cookie, signed', cookie({ secret: ['new', 'old'] }), 'cookie', /^__Host-sid=s%3A[\w-]{43}\.[\w%]+$/],
  ['a cookie that the application signs', signedCookie(), 'cookie', /^tok=[\w-]{43}\.[\w-]{43}$/],
  ['a scheme of its own', ownScheme(), 'x-session', /^Token [\w-]{43}$/],
  ['the first of several', [cookie(), header()], 'cookie', /^__Host-sid=/],
  ['the one that is issued', plan(), 'x-auth-token', /^[\w-]{43}$/],
];

function plan(): SessionOptions['transport'] {
  const [first, second] = [cookie(), header()];
  return { accept: [first, second], issue: () => second };
}

describe.each(CLIENTS)('the headers of a session, by %s', (_client, platform, send) => {
  it.each(TRANSPORTS)('%s: law 7, from the test to a logout', async (_name, transport, name, value) => {
    const app = await openShop(platform, { ...(transport !== undefined && { transport }) });
    const sessions = testSessions(app);
    const guest = await sessions.anonymous({ cart: ['tea'] });
    expect(Object.keys(guest.headers)).toEqual([name]);
    expect(guest.headers[name]).toMatch(value);
    expect(await sessions.stored(guest.headers)).toMatchObject({ id: guest.id });
    // ASVS 3.5: a client that is no browser may act with its cookie.
    expect((await send(app, 'POST', '/cart', guest.headers, { item: 'milk' })).body).toEqual(['tea', 'milk']);

    const login = await send(app, 'POST', '/login', guest.headers, { user: 'ada' });
    const ada = sessions.of(login);
    expect(sessions.cleared(login)).toBe(false);
    expect(Object.keys(ada?.headers ?? {})).toEqual([name]);
    expect((await send(app, 'GET', '/me', ada?.headers)).body).toEqual({ user: 'ada' });
    const logout = await send(app, 'POST', '/logout', ada?.headers);
    expect([sessions.of(logout), sessions.cleared(logout)]).toEqual([undefined, true]);
  });

  it('via names one of several', async () => {
    const app = await openShop(platform, {
      transport: [header(), bearer(), cookie(), cookie({ name: 'sid2' })].slice(0, 3),
    });
    const sessions = testSessions(app);
    for (const [via, name] of [
      ['header', 'x-auth-token'],
      ['header X-Auth-Token', 'x-auth-token'],
      ['bearer', 'authorization'],
      ['cookie', 'cookie'],
    ] as const) {
      const { headers } = await sessions.signedIn('ada', { via });
      expect(Object.keys(headers)).toEqual([name]);
      expect((await send(app, 'GET', '/me', headers)).status).toBe(200);
      expect(Object.keys((await sessions.anonymous({}, { via })).headers)).toEqual([name]);
    }
    await expect(sessions.signedIn('ada', { via: 'cookies' })).rejects.toThrow(
      "via takes one of 'header X-Auth-Token', 'bearer', 'cookie'; got 'cookies'",
    );
  });

  it('a choice that needs a real request is refused with the remedy', async () => {
    const accept = [header(), cookie()];
    const issue = ({ raw }: { raw: IncomingMessage }): SessionTransport =>
      accept[(raw.headers['user-agent'] as string).includes('Mozilla') ? 1 : 0] as SessionTransport;
    const sessions = testSessions(await openShop(platform, { transport: { accept, issue } }));
    await expect(sessions.anonymous()).rejects.toThrow(/name a transport with \{ via \}/);
    expect(Object.keys((await sessions.anonymous({}, { via: 'cookie' })).headers)).toEqual(['cookie']);
  });

  it('a transport that no header carries is refused by name', async () => {
    const sessions = testSessions(await openShop(platform, { transport: inQuery() }));
    await expect(sessions.signedIn('ada')).rejects.toThrow(
      /the transport query does not read the token where it sends it/,
    );
  });
});

describe('ids of express-session', () => {
  it('ASVS 11.2.4: what is shown of a session is not what the store has it under', async () => {
    const store = expressStore(new ExpressMemoryStore(), { rawIds: true });
    const transport = cookie({ name: 'connect.sid', secure: 'auto', secret: 'keyboard cat' });
    const app = await openShop('express', { store, transport });
    const sessions = testSessions(app);
    const ada = await sessions.signedIn('ada', { data: { cart: ['tea'] } });
    expect(ada.id).not.toBe(ada.token);
    for (const which of [ada, ada.token, ada.headers]) {
      expect(await sessions.stored(which)).toMatchObject({ id: ada.id, userId: 'ada' });
    }
    // Else a test that looks for what a logout left would find nothing in any case.
    await expect(sessions.stored(ada.id)).rejects.toThrow(/by its id with this store.* give it what signedIn/);
    await expect(sessions.stored(ada.id)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    const login = await bySupertest(app, 'POST', '/login', ada.headers, { user: 'bob' });
    expect(await sessions.stored(ada)).toBeUndefined();
    expect(await sessions.stored(sessions.of(login) ?? '')).toMatchObject({ userId: 'bob' });
  });
});

describe('answers', () => {
  it('of fetch, whose headers are a Headers; other cookies are none of ours', async () => {
    const sessions = testSessions(await openShop('express', { transport: cookie() }));
    const { token } = await sessions.anonymous();
    const headers = new Headers([
      ['set-cookie', 'theme=dark; Path=/'],
      ['set-cookie', `__Host-sid=${token}; Path=/`],
    ]);
    expect(sessions.of({ headers })?.headers).toEqual({ cookie: `__Host-sid=${token}` });
    expect(sessions.of({ headers: { 'set-cookie': 'theme=dark' } })).toBeUndefined();
    expect(sessions.of({ headers: { 'set-cookie': `other__Host-sid=${token}` } })).toBeUndefined();
    expect(sessions.cleared({ headers: { 'set-cookie': 'theme=; Max-Age=0' } })).toBe(false);
    expect(sessions.cleared({ headers: { 'set-cookie': ['theme=dark', '__Host-sid=; Path=/; Max-Age=0'] } })).toBe(
      true,
    );
  });
});
