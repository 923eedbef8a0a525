import fc from 'fast-check';
import { cookie, SessionModule, type CookieOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { BEARER, COOKIE, HEADER } from '../support/carriers.js';
import type { Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { info, login, regenerate, ScriptedApp, type Script } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';

// Attribute by attribute and each bad combination: test/e2e/cookie-transport.spec.ts. All that Fetch metadata and Origin
// may say: test/e2e/csrf.spec.ts; what a real browser says: v3-csrf.browser.spec.ts.

/** What a browser keeps of a Set-Cookie line from https (RFC 6265bis, 5.7); undefined when it refuses it. */
function kept(line: string): { key: string; pair: string; isRemoval: boolean; attributes: string[] } | undefined {
  const [pair = '', ...attributes] = line.split('; ');
  const name = pair.slice(0, pair.indexOf('=')).toLowerCase();
  const of = (attribute: string): string | undefined =>
    attributes.find((text) => text.toLowerCase().startsWith(`${attribute}=`))?.slice(attribute.length + 1);
  const isSecure = attributes.includes('Secure');
  const fitsHost = isSecure && of('path') === '/' && of('domain') === undefined;
  const isRefused =
    Buffer.byteLength(pair) - 1 > 4096 ||
    (name.startsWith('__host-') && !fitsHost) ||
    (name.startsWith('__secure-') && !isSecure) ||
    (of('samesite') === 'None' && !isSecure) ||
    (attributes.includes('Partitioned') && !isSecure);
  if (isRefused) return undefined;
  return {
    key: [pair.slice(0, pair.indexOf('=')), of('path'), of('domain') ?? ''].join(' '),
    pair,
    isRemoval: of('max-age') === '0',
    attributes: attributes.filter((text) => !/^(?:Max-Age|Expires)=/.test(text)).sort(),
  };
}

const visit: Script = (session) => void (session['cart'] = 1);
const logout: Script = (session) => session.destroy();
const CROSS_SITE = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };

afterEach(closeApps);

describe.each(PLATFORMS)('cookies on %s', (platform) => {
  const start = (options?: CookieOptions): Promise<ScriptedApp> =>
    ScriptedApp.start(
      platform,
      { transport: cookie(options), clock: new TestClock().now },
      { carrier: { ...COOKIE, transport: () => cookie(options) } },
    );

  /** All answers that bring or end a token, with the token that each was sent. */
  async function lifetime(app: ScriptedApp): Promise<{ answers: Answer[]; tokens: string[] }> {
    const begun = await app.run(visit);
    const signedIn = await app.run(login('ada', { keep: ['cart'] }), begun.issued);
    const brief = await app.run(login('ada', { persistent: false }), signedIn.issued);
    const renewed = await app.run(regenerate, brief.issued);
    const ended = await app.run(logout, renewed.issued);
    const answers = [begun, signedIn, brief, renewed, ended];
    expect(answers.map(({ status, cookies }) => [status, cookies.length])).toEqual(answers.map(() => [201, 1]));
    return { answers, tokens: [begun, signedIn, brief, renewed].map(({ issued }) => issued as string) };
  }

  it('ASVS 3.3.1, 3.3.2, 3.3.3, 3.3.4: every cookie of a session’s life has the prefix and all attributes', async () => {
    const { answers } = await lifetime(await start());
    for (const { cookies } of answers) {
      const found = kept(cookies[0] as string);
      expect(found?.key).toBe('__Host-sid / ');
      expect(found?.attributes).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
    }
    expect(answers.map(({ cookies }) => kept(cookies[0] as string)?.isRemoval)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it('ASVS 3.3.4: a token goes to the client in Set-Cookie alone', async () => {
    const { answers, tokens } = await lifetime(await start());
    for (const { text, rawHeaders } of answers) {
      const others = rawHeaders.filter((_, index) => rawHeaders[index - (index % 2)]?.toLowerCase() !== 'set-cookie');
      for (const token of tokens) expect(`${text} ${others.join(' ')}`).not.toContain(token);
    }
  });

  const attributes = fc.record(
    {
      name: fc.constantFrom('sid', '__Host-sid', '__Secure-sid', '__host-x', 'n'.repeat(4053), 'n'.repeat(4054)),
      secure: fc.constantFrom<boolean | 'auto'>(true, true, true, false, 'auto'),
      sameSite: fc.constantFrom<'lax' | 'strict' | 'none'>('lax', 'strict', 'none'),
      httpOnly: fc.boolean(),
      path: fc.constantFrom('/', '/app'),
      domain: fc.constantFrom('example.com', 'localhost'),
      persistent: fc.boolean(),
      partitioned: fc.boolean(),
      secret: fc.constant('s'.repeat(32)),
    },
    { requiredKeys: [] },
  );

  it('ASVS 3.3.1 to 3.3.5: what boots, browsers take, and what clears it clears that very cookie', async () => {
    let booted = 0;
    await fc.assert(
      fc.asyncProperty(attributes, async (options) => {
        let app: ScriptedApp;
        try {
          app = await start(options);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_OPTION' });
          return;
        }
        booted++;
        const [set] = (await app.run(visit)).cookies as [string];
        const found = kept(set);
        // A name that nobody chose says what the browser can hold the cookie to.
        if (options.name === undefined && (options.secure ?? true) === true) expect(set).toMatch(/^__(?:Host|Secure)-/);
        expect([set.slice(-120), found]).toEqual([set.slice(-120), expect.objectContaining({ isRemoval: false })]);
        const ended = await app.run(logout, undefined, { Cookie: found?.pair as string });
        const removed = kept(ended.cookies[0] as string);
        expect(removed).toMatchObject({ key: found?.key, attributes: found?.attributes, isRemoval: true });
        expect(Buffer.byteLength(found?.pair as string) - 1).toBeLessThanOrEqual(4096);
        await closeApps();
      }),
      { numRuns: 60 },
    );
    expect(booted).toBeGreaterThan(10);
  }, 60_000);

  it.each<[string, CookieOptions]>([
    ['3.3.1', { name: '__Secure-sid', secure: false }],
    ['3.3.2', { sameSite: 'none', secure: false }],
    ['3.3.3', { name: '__Host-sid', domain: 'example.com' }],
    ['3.3.3', { name: '__Host-sid', path: '/app' }],
    ['3.3.3', { name: '__Host-sid', secure: 'auto' }],
    ['3.3.4', { httpOnly: 'no' as never }],
    ['3.3.5', { name: 'n'.repeat(4054) }],
    ['3.3.5', { name: 'n'.repeat(4053), secret: 's'.repeat(32) }],
  ])('ASVS %s: an application whose factory gives %j does not start', async (_item, options) => {
    const imports = [SessionModule.forRootAsync({ useFactory: () => ({ transport: cookie(options) }) })];
    await expect(startApp(platform, { controllers: [], imports })).rejects.toMatchObject({
      name: 'SessionConfigError',
      code: 'INVALID_OPTION',
    });
  });
});

describe.each(PLATFORMS)('requests that other sites make, on %s', (platform) => {
  let store: ProbedStore;
  let app: ScriptedApp;
  let victim: string;

  beforeEach(async () => {
    store = new ProbedStore();
    const transport = [cookie(), HEADER.transport(), BEARER.transport()];
    app = await ScriptedApp.start(platform, { store, transport }, { carrier: COOKIE });
    victim = await app.signIn('ada');
    store.calls.length = 0;
  });

  it.each<[string, Script]>([
    ['change data', visit],
    ['sign in as another user', login('mallory')],
    ['get a new token', regenerate],
    ['sign out', logout],
    ['sign out everywhere', (_session, sessions) => sessions.destroyAll('ada')],
    ['read', info],
  ])('ASVS 3.5.1: can not %s: 403, no load, and the session as before', async (_what, script) => {
    const events = collectEvents(app.running);
    for (const headers of [CROSS_SITE, { 'Sec-Fetch-Site': 'same-site' }, { Origin: 'null' }]) {
      const answer = await app.run(script, victim, headers);
      expect([answer.status, answer.code, answer.cookies]).toEqual([403, 'CSRF_REFUSED', []]);
    }
    expect(store.calls).toEqual([]);
    expect(events).toEqual(Array(3).fill({ type: 'malicious_cors', reason: expect.any(String) }));
    expect(await app.dataOf(victim)).toEqual({});
    expect((await app.run(info, victim)).result).toMatchObject({ userId: 'ada', level: 1 });
  });

  it.each([HEADER, BEARER])(
    'ASVS 3.5.1: with the token in a $name they act, whatever cookie comes along',
    async (carrier) => {
      const answer = await app.run(visit, victim, { ...CROSS_SITE, ...carrier.send(victim) });
      expect([answer.status, await app.dataOf(victim)]).toEqual([201, { cart: 1 }]);
    },
  );

  it.each<[string, Record<string, string>]>([
    ['a body that needs no preflight', { 'Content-Type': 'text/plain' }],
    ['a body of a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['no type at all', {}],
    ['headers that only a preflight lets through', { 'X-Requested-With': 'XMLHttpRequest' }],
    ['a preflight’s own headers', { 'Access-Control-Request-Method': 'POST' }],
  ])('ASVS 3.5.2: the defence does not rely on preflights: refused with %s', async (_what, headers) => {
    const answer = await app.run(visit, victim, { ...CROSS_SITE, ...headers });
    expect([answer.status, answer.code, store.calls]).toEqual([403, 'CSRF_REFUSED', []]);
  });

  it.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    'ASVS 3.5.3: %s makes no POST a safe one',
    async (name) => {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const answer = await app.run(visit, victim, { ...CROSS_SITE, [name]: method });
        expect([answer.status, answer.code]).toEqual([403, 'CSRF_REFUSED']);
      }
      expect(store.calls).toEqual([]);
    },
  );

  it.each([HEADER, BEARER])(
    'H10: a cookie and another session in a $name: that one decides, never both',
    async (carrier) => {
      const other = await app.signIn('bob');
      await app.run((session) => void (session['of'] = 'ada'), victim);
      store.calls.length = 0;
      const answer = await app.run((session) => void (session['by'] = 'bob'), victim, carrier.send(other));
      expect([answer.status, store.calls, answer.cookies]).toEqual([201, ['load', 'update'], []]);
      expect([await app.dataOf(victim), await app.dataOf(other)]).toEqual([{ of: 'ada' }, { by: 'bob' }]);
      const ended = await app.run(logout, victim, carrier.send(other));
      expect([ended.token, ended.cookies]).toEqual(['', []]);
      expect(await app.opening(victim, other)).toEqual([true, false]);
    },
  );
});
