import { bearer, clientAddress, cookie, header, userAgent, type SessionOptions } from 'nestjs-token-session';
import fc from 'fast-check';
import { closeApps } from '../support/app.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { closeSockets, SOCKETS, type ConnectOptions } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { startSocketApp } from './support/socket-app.js';

const ALL = { transport: [header(), bearer(), cookie()] } satisfies SessionOptions;
const gateways = [CounterGateway];

describe.each(SOCKETS)('the handshake of a socket on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it.each(['header X-Auth-Token', 'bearer', 'cookie'])('names its session by %s', async (via) => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: ALL });
    const { headers } = await sessions.signedIn('ada', { via });
    expect(await (await connect({ headers })).call('who')).toBe('ada');
  });

  it('names it by what the platform has for clients without headers, which is not sent back', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: ALL });
    const { token } = await sessions.signedIn('ada');
    const socket = await connect({ offered: token });
    expect(await socket.call('who')).toBe('ada');
    if (kind === 'ws') expect(socket.protocol).toBe('chat');
  });

  it('H10: an explicit token decides over a cookie, and what was said to the socket over headers; never merged', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: ALL });
    const [ada, grace, joan] = [
      await sessions.signedIn('ada', { via: 'cookie' }),
      await sessions.signedIn('grace', { via: 'header' }),
      await sessions.signedIn('joan'),
    ];
    const headers = { ...ada.headers, ...grace.headers };
    expect(await (await connect({ headers })).call('who')).toBe('grace');
    expect(await (await connect({ headers, offered: joan.token })).call('who')).toBe('joan');
    expect(await (await connect({ headers, offered: 'x' })).call('who')).toBeNull();
  });

  it('13.3.4: takes no token past a signed cookie: with cookies alone nothing else is read', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, {
      gateways,
      session: { transport: cookie({ secret: 'a secret of thirty-two characters' }) },
    });
    const { token, headers } = await sessions.signedIn('ada');
    expect(await (await connect({ headers })).call('who')).toBe('ada');
    expect(await (await connect({ offered: token })).call('who')).toBeNull();
    expect(await (await connect({ headers: { Cookie: `__Host-sid=${token}` } })).call('who')).toBeNull();
  });

  it('law 1, H1 to H24: nothing malformed, unknown or ambiguous names a session; what is no token is not asked for', async () => {
    const store = new ProbedStore();
    const running = await startSocketApp('express', kind, { gateways, session: { ...ALL, store } });
    const { token } = await running.sessions.signedIn('ada');
    const other = (await running.sessions.signedIn('grace')).token;
    const malformed: ConnectOptions[] = [
      ...['', ' ', 'x', token.slice(1), `${token}A`, `${token.slice(0, -1)}!`, `${token}, ${token}`].map(asHeader),
      ...['../../etc/passwd', '*', 'sess:*', '{tag}', "' OR 1=1--", 'constructor', '__proto__'].map(asHeader),
      asHeader('x'.repeat(8_000)),
      ...['Bearer', 'Bearer ', `Bearer  ${token}`, `Bearer ${token} x`].map((value) => ({
        headers: { Authorization: value },
      })),
      { headers: { Authorization: `Basic ${token}` } },
      ...[`__Host-sid=${token}; __Host-sid=${other}`, '__Host-sid=%E0%A4%A', '__proto__=1; constructor=2'].map(
        (value) => ({
          headers: { Cookie: value },
        }),
      ),
      { headers: { Cookie: Array.from({ length: 200 }, (_, index) => `c${String(index)}=1`).join('; ') } },
    ];
    if (kind === 'socket.io') malformed.push(...[[], {}, 1, true, [token], { token }].map((offered) => ({ offered })));
    store.calls.length = 0;
    for (const options of malformed) {
      const socket = await running.connect(options);
      expect(await socket.call('who')).toBeNull();
      socket.close();
    }
    expect(store.calls).toEqual([]);
    const unknown = await running.connect(asHeader('A'.repeat(43)));
    expect(await unknown.call('who')).toBeNull();
  });

  it('H12: reads no token in the URL', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: ALL });
    const { token } = await sessions.signedIn('ada');
    const socket = await connect(
      kind === 'ws' ? { path: `/?token=${token}&sid=${token}` } : { namespace: `/?token=${token}&auth=${token}` },
    );
    expect(await socket.call('who')).toBeNull();
  });

  it('any text at all in each place is none, and no crash', async () => {
    const { connect } = await startSocketApp('express', kind, { gateways, session: ALL });
    const text = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('X-Auth-Token', 'Authorization', 'Cookie'), async (value, name) => {
        const headers = {
          [name]: name === 'Cookie' ? `__Host-sid=${value}` : name === 'Authorization' ? `Bearer ${value}` : value,
        };
        const socket = await connect({ headers });
        expect(await socket.call('who')).toBeNull();
        socket.close();
      }),
      { numRuns: 60 },
    );
  });

  it("is refused without a session where the application says so: 'refuse', with an event", async () => {
    const running = await startSocketApp('express', kind, { gateways, session: ALL, sockets: { anonymous: 'refuse' } });
    const events = collectEvents(running);
    const refused = { body: { statusCode: 401, code: 'SESSION_REQUIRED' } };
    for (const options of [{}, asHeader('x'), asHeader('A'.repeat(43))]) {
      await expect(running.connect(options)).rejects.toMatchObject(refused);
    }
    expect(events.map(({ type }) => type)).toEqual([
      'authz_fail',
      'input_validation_fail',
      'authz_fail',
      'token_unknown',
      'authz_fail',
    ]);
    const { headers } = await running.sessions.anonymous();
    expect(await (await running.connect({ headers })).call('session')).toBe('session');
  });

  it('law 7: a token that was just replaced is refused, and connects nobody as a stranger for good', async () => {
    const { connect, sessions, url } = await startSocketApp('express', kind, { gateways });
    const { headers } = await sessions.anonymous();
    await fetch(`${url}/login/ada`, { method: 'POST', headers });
    await expect(connect({ headers })).rejects.toMatchObject({ body: { code: 'SESSION_ENDED' } });
  });

  describe('CSWSH: with a cookie', () => {
    const own = (url: string) => ({ Origin: url });

    it('is refused to pages of other sites, before any load, with malicious_cors', async () => {
      const store = new ProbedStore();
      const running = await startSocketApp('express', kind, { gateways, session: { ...ALL, store } });
      const { headers } = await running.sessions.signedIn('ada', { via: 'cookie' });
      const events = collectEvents(running);
      store.calls.length = 0;
      const foreign = [
        { Origin: 'https://evil.example' },
        { Origin: 'null' },
        { Origin: `${running.url}.evil.example` },
        { 'Sec-Fetch-Site': 'cross-site', Origin: running.url },
        { 'Sec-Fetch-Site': 'same-site' },
      ];
      for (const page of foreign) {
        await expect(
          running.connect({ headers: { ...headers, ...(page as Record<string, string>) } }),
        ).rejects.toMatchObject({
          body: { statusCode: 403, code: 'CSRF_REFUSED' },
        });
      }
      expect(store.calls).toEqual([]);
      expect(events.map(({ type }) => type)).toEqual(foreign.map(() => 'malicious_cors'));
      if (kind === 'ws') return;
      // A poll is a plain GET, and opens a socket all the same.
      const poll = running.connect({
        headers: { ...headers, Origin: 'https://evil.example' },
        transports: ['polling'],
      });
      await expect(poll).rejects.toMatchObject({ body: { code: 'CSRF_REFUSED' } });
    });

    it('is open to pages of its own origin, of listed ones, and to what is no browser', async () => {
      const { connect, sessions, url } = await startSocketApp('express', kind, {
        gateways,
        session: { transport: cookie({ csrf: { origins: ['https://app.example'] } }) },
      });
      const { headers } = await sessions.signedIn('ada');
      for (const page of [own(url), { Origin: 'https://app.example' }, { 'Sec-Fetch-Site': 'same-origin' }, {}]) {
        expect(
          await (await connect({ headers: { ...headers, ...(page as Record<string, string>) } })).call('who'),
        ).toBe('ada');
      }
    });

    it('is refused at the handshake too where HTTP refuses at the handler; csrf: false lets everybody in', async () => {
      const strict = await startSocketApp('express', kind, {
        gateways,
        session: { transport: cookie({ csrf: { at: 'handler' } }) },
      });
      const evil = { Origin: 'https://evil.example' };
      const ada = await strict.sessions.signedIn('ada');
      await expect(strict.connect({ headers: { ...ada.headers, ...evil } })).rejects.toMatchObject({
        body: { code: 'CSRF_REFUSED' },
      });
      const open = await startSocketApp('express', kind, { gateways, session: { transport: cookie({ csrf: false }) } });
      const grace = await open.sessions.signedIn('grace');
      expect(await (await open.connect({ headers: { ...grace.headers, ...evil } })).call('who')).toBe('grace');
    });

    it('a foreign page is no matter for an explicit token, or without any', async () => {
      const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: ALL });
      const evil = { Origin: 'https://evil.example' };
      const { headers, token } = await sessions.signedIn('ada', { via: 'header' });
      expect(await (await connect({ headers: { ...headers, ...evil } })).call('who')).toBe('ada');
      expect(await (await connect({ headers: evil, offered: token })).call('who')).toBe('ada');
      expect(await (await connect({ headers: evil })).call('who')).toBeNull();
    });
  });

  it.each(['report', 'refuse'] as const)("a binding is checked at the handshake: '%s'", async (onMismatch) => {
    const running = await startSocketApp('express', kind, {
      gateways,
      session: { binding: { of: userAgent, onMismatch } },
    });
    const events = collectEvents(running);
    const login = await fetch(`${running.url}/login/ada`, { method: 'POST', headers: { 'User-Agent': 'one' } });
    const token = login.headers.get('X-Auth-Token') ?? '';
    const socket = (agent: string) => running.connect({ headers: { 'X-Auth-Token': token, 'User-Agent': agent } });
    expect(await (await socket('one')).call('who')).toBe('ada');
    expect(await (await socket('two')).call('who')).toBe(onMismatch === 'refuse' ? null : 'ada');
    expect(events.map(({ type }) => type)).toContain('session_binding_mismatch');
  });

  it.each(PLATFORMS)('P28: a binding to the address sees it as HTTP does behind a proxy, on %s', async (platform) => {
    const { FastifyAdapter } = await import('@nestjs/platform-fastify');
    const running = await startSocketApp(platform, kind, {
      gateways,
      session: { binding: { of: clientAddress, onMismatch: 'refuse' } },
      ...(platform === 'fastify' && { http: new FastifyAdapter({ trustProxy: true }) }),
      prepare: (app) => {
        if (platform === 'express')
          (app.getHttpAdapter().getInstance() as { set(name: string, value: unknown): void }).set('trust proxy', true);
      },
    });
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const login = await fetch(`${running.url}/login/ada`, { method: 'POST', headers: from('192.0.2.1') });
    const token = login.headers.get('X-Auth-Token') ?? '';
    const socket = (address: string) => running.connect({ headers: { 'X-Auth-Token': token, ...from(address) } });
    expect(await (await socket('192.0.2.1')).call('who')).toBe('ada');
    expect(await (await socket('192.0.2.2')).call('who')).toBeNull();
  });
});

/** What tokens and cookies are made of, and what parts them. */
const CHARACTERS = 'a Z 0 9 - _ . , ; = " % \\ \' { } [ ] : / + ~'.split(' ').concat(' ');

function asHeader(value: string): ConnectOptions {
  return { headers: { 'X-Auth-Token': value } };
}
