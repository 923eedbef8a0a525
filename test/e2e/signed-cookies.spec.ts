import { inspect } from 'node:util';
import { sign } from 'cookie-signature';
import { cookie, type CookieOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

const SECRET = 'a secret of the test';
const OLD = 'an old secret';

const valueOf = (token: string, secret = SECRET): string => encodeURIComponent(`s:${sign(token, secret)}`);

describe.each(PLATFORMS)('signed cookies on %s', (platform) => {
  afterEach(closeApps);

  const start = (options: CookieOptions, store = new ProbedStore()): Promise<RunningApp> =>
    startApp(platform, {
      controllers: [CounterController],
      session: { store, transport: cookie({ name: 'connect.sid', secure: false, ...options }) },
    });

  /** Begins a session; what its cookie holds. */
  async function begin(app: RunningApp): Promise<string> {
    const [line] = (await call(app.url, '/views', { method: 'POST' })).cookies;
    return /^connect\.sid=([^;]*);/.exec(line ?? '')?.[1] as string;
  }

  const views = async (app: RunningApp, value: string): Promise<unknown> =>
    (await call(app.url, '/views', { headers: { Cookie: value } })).json();

  it('the value is as that of express-session: s:, the token, a dot, HMAC-SHA-256 in base64, in URL encoding', async () => {
    const app = await start({ secret: SECRET });
    const value = await begin(app);
    const token = /^s:([\w-]{43})\./.exec(decodeURIComponent(value))?.[1] as string;
    expect(value).toBe(valueOf(token));
    expect(await views(app, `connect.sid=${value}`)).toEqual({ views: 1 });
  });

  it('ASVS 13.3.4: the first secret signs, all verify; one that was taken out does not any more', async () => {
    const store = new ProbedStore();
    const before = await start({ secret: OLD }, store);
    const value = await begin(before);
    const between = await start({ secret: [SECRET, OLD] }, store);
    expect(await views(between, `connect.sid=${value}`)).toEqual({ views: 1 });
    const next = await begin(between);
    const token = /^s:([\w-]{43})\./.exec(decodeURIComponent(next))?.[1] as string;
    expect(next).toBe(valueOf(token));
    const after = await start({ secret: [SECRET] }, store);
    expect(await views(after, `connect.sid=${value}`)).toEqual({ views: 0 });
    expect(await views(after, `connect.sid=${next}`)).toEqual({ views: 1 });
  });

  it('ASVS 13.3.4, CVE-2026-39324: no fallback to what is not signed, or not by us; the store is not asked', async () => {
    const store = new ProbedStore();
    const app = await start({ secret: SECRET }, store);
    const value = await begin(app);
    const token = /^s:([\w-]{43})\./.exec(decodeURIComponent(value))?.[1] as string;
    const other = `${token.slice(0, -2)}AA`;
    const hostile = [
      token,
      `s:${token}`,
      `s:${token}.`,
      encodeURIComponent(`s:${token}.${'A'.repeat(43)}`),
      valueOf(token, 'another secret'),
      value.slice(0, -1),
      `${value}A`,
      value.replace(token, other),
      encodeURIComponent(sign(token, SECRET)),
      encodeURIComponent(`j:${sign(token, SECRET)}`),
      's:',
      's%3A.',
      '',
      '%E0%A4%A',
      '%',
      `${value}%E0%A4%A`,
      `s%3A${'x'.repeat(5_000)}`,
      valueOf('../../etc/passwd'),
      valueOf(''),
    ];
    const events = collectEvents(app);
    store.calls.length = 0;
    for (const sent of hostile) {
      expect([sent, await views(app, `connect.sid=${sent}`)]).toEqual([sent, { views: 0 }]);
    }
    expect(store.calls).toEqual([]);
    expect(events).toEqual(hostile.map(() => ({ type: 'input_validation_fail', transport: 'cookie' })));
    expect(await views(app, `connect.sid=${value}`)).toEqual({ views: 1 });
  });

  it('H7: twice with two values is none, whatever is signed; twice the same, in whatever encoding, is one', async () => {
    const app = await start({ secret: SECRET });
    const [one, two] = [await begin(app), await begin(app)];
    for (const sent of [`connect.sid=${one}; connect.sid=${two}`, `connect.sid=${one}; connect.sid=x`]) {
      expect(await views(app, sent)).toEqual({ views: 0 });
    }
    const lower = one.replace('s%3A', 's%3a').replace('%2B', '%2b');
    expect(await views(app, `connect.sid=${one}; connect.sid=${lower}`)).toEqual({ views: 1 });
    expect(await views(app, `connect.sid=${one}; connect.sid=${decodeURIComponent(one)}`)).toEqual({ views: 1 });
  });

  it('the secret stands beside options that are a function of the request', async () => {
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { transport: cookie(() => ({ name: 'connect.sid', secure: false }), { secret: SECRET }) },
    });
    const value = await begin(app);
    expect(value).toMatch(/^s%3A/);
    expect(await views(app, `connect.sid=${value}`)).toEqual({ views: 1 });
  });
});

describe('cookie({ secret })', () => {
  const faultOf = (options: object, defence?: object): string => {
    try {
      cookie(options, defence);
    } catch (error) {
      return inspect(error);
    }
    return 'none';
  };

  it.each<[title: string, secret: unknown, came: string]>([
    ['an empty list', [], 'an empty list'],
    ['empty text', '', 'empty text'],
    ['empty text at place 1', [SECRET, ''], 'empty text at place 1'],
    ['undefined, as of a variable that is not set', undefined, 'undefined'],
    ['undefined at place 1', [SECRET, undefined], 'undefined at place 1'],
    ['null', null, 'null'],
    ['null at place 0', [null, SECRET], 'null at place 0'],
    ['a number', 42, 'number'],
    ['a list within a list', [[SECRET]], 'object at place 0'],
    ['an object', { key: SECRET }, 'object'],
  ])('fails at boot by name, with what came but not the secret: %s', (_title, secret, came) => {
    for (const fault of [faultOf({ name: 'connect.sid', secret }), faultOf(() => ({}), { secret })]) {
      expect(fault).toContain('cookie secret: takes text, or a list of texts of which the first signs and all verify');
      expect(fault).toContain(`; got ${came}.`);
      expect(fault).toContain("code: 'INVALID_OPTION'");
      expect(fault).not.toContain(SECRET);
    }
  });

  it('law 2: no other error shows it: a misspelt name, a wrong attribute', () => {
    for (const wrong of [
      { secrets: [SECRET] },
      { keys: SECRET },
      { secret: SECRET, path: 1 },
      { secret: SECRET, nom: 1 },
    ]) {
      const fault = faultOf(wrong);
      expect(fault).toMatch(/^SessionConfigError: cookie (secrets|keys|path|nom): takes/);
      expect(fault).not.toContain(SECRET);
    }
    expect(inspect(cookie({ secret: SECRET }), { depth: Infinity, showHidden: true })).not.toContain(SECRET);
  });

  it('ASVS 3.3: name and signed value fit into 4096 bytes, or it fails at boot', () => {
    const fits = 4096 - valueOf('A'.repeat(43)).length;
    // As long as the signature can be with all its characters escaped.
    const longest = 4096 - ('s%3A'.length + 43 + 1 + 43 * 3);
    expect(longest).toBeLessThanOrEqual(fits);
    expect(faultOf({ name: 'n'.repeat(longest), secure: false, secret: SECRET })).toBe('none');
    expect(faultOf({ name: 'n'.repeat(longest + 1), secure: false, secret: SECRET })).toMatch(
      /cookie name: takes at most/,
    );
  });
});
