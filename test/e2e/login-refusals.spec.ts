import { Controller, Get, Res } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { COOKIE, type Carrier } from '../support/carriers.js';
import { call } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { info, login, refusalOf, ScriptedApp, type Data } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';

interface RawResponse {
  write(text: string): void;
  end(): void;
}

/** Where a request waits whose answer has begun. */
let begun: Barrier;
let late: { code: unknown } | undefined;

@Controller()
class LateController {
  constructor(private readonly sessions: SessionService) {}

  @Get('late')
  async late(
    @Session() session: Session<Data>,
    @Res() response: RawResponse & { raw?: RawResponse; hijack?(): void },
  ): Promise<void> {
    response.hijack?.();
    const raw = response.raw ?? response;
    raw.write('begun');
    await begun.pass();
    late = await refusalOf(this.sessions.login(session, 'ada'));
    raw.end();
  }
}

const CROSS_SITE = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };

const USER_IDS: [string, unknown][] = [
  ['empty text', ''],
  ['257 characters', 'secret-'.padEnd(257, 'x')],
  ['half a surrogate pair', 'secret\ud800'],
  ['NUL', 'secret\0'],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['a fraction', 1.5],
  ['a number past what is exact', 2 ** 53],
  ['an object', { id: 'secret' }],
  ['a list', ['secret']],
  ['a boxed text', Object('secret')],
  ['a date', new Date(0)],
  ['true', true],
  ['null', null],
  ['undefined', undefined],
  ['a symbol', Symbol('secret')],
];

const OPTIONS: [string, string, Record<string, unknown>][] = [
  ...[0, -1, 1.5, NaN, Infinity, '', 'soon', '-5m', true].flatMap((value): [string, string, Data][] => [
    ['idleTimeout', String(value) || 'empty', { idleTimeout: value }],
    ['absoluteTimeout', String(value) || 'empty', { absoluteTimeout: value }],
  ]),
  ['idleTimeout', 'more than absoluteTimeout', { idleTimeout: '2h', absoluteTimeout: '1h' }],
  ['persistent', "'no'", { persistent: 'no' }],
  ['persistent', 'null', { persistent: null }],
  ['label', 'a number', { label: 5 }],
  ['label', '201 characters', { label: 'x'.repeat(201) }],
  ['label', 'half a surrogate pair', { label: '\udfff' }],
  ['level', '0', { level: 0 }],
  ['level', 'a fraction', { level: 1.5 }],
  ['level', "'2'", { level: '2' }],
  ['level', 'NaN', { level: NaN }],
  ['keep', 'text', { keep: 'cart' }],
  ['ttl', 'not an option', { ttl: 5 }],
  ['userId', 'not an option', { userId: 'bob' }],
];

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(PLATFORMS)('a refused login on %s', (platform) => {
  let store: ProbedStore;
  let app: ScriptedApp;

  async function start(carrier?: Carrier): Promise<void> {
    store = new ProbedStore();
    app = await ScriptedApp.start(platform, { store }, { controllers: [LateController], ...(carrier && { carrier }) });
  }

  beforeEach(() => start());

  describe.each(USER_IDS)('user id: %s', (_name, userId) => {
    it('is refused by a clear error that does not show it, and nothing is stored', async () => {
      const answer = await app.run((session, sessions) => refusalOf(sessions.login(session, userId as string)));
      expect(answer.result).toEqual({
        code: 'INVALID_USER_ID',
        message: expect.stringMatching(/^A user id is text of 1 to 256 characters, or a whole number; got /),
      });
      expect(answer.text).not.toContain('secret');
      expect([store.calls, answer.issued]).toEqual([[], undefined]);
    });

    it('is refused by list, destroyById and destroyAll too', async () => {
      const { sessions } = app;
      const id = userId as string;
      for (const outcome of [sessions.list(id), sessions.destroyById(id, 'x'), sessions.destroyAll(id)]) {
        expect(await refusalOf(outcome)).toMatchObject({ code: 'INVALID_USER_ID' });
      }
      expect(store.calls).toEqual([]);
    });
  });

  it.each<[string | number | bigint, string]>([
    [7, '7'],
    [0, '0'],
    [-0, '0'],
    [-12, '-12'],
    [2n ** 64n, '18446744073709551616'],
    ['7', '7'],
    ['x'.repeat(256), 'x'.repeat(256)],
    [' ada@example.com ', ' ada@example.com '],
    ['名前 👩‍💻', '名前 👩‍💻'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
  ])('user id %s is taken, and kept as the text %s', async (given, kept) => {
    const token = await app.signIn(given as string);
    expect((await app.run(info, token)).result).toMatchObject({ userId: kept });
    expect(await app.sessions.list(given as string)).toMatchObject([{ userId: kept }]);
    expect(await app.sessions.destroyAll(kept)).toBe(1);
  });

  it.each(OPTIONS)('option %s: %s: is refused by name, and nothing is stored', async (name, _value, options) => {
    const answer = await app.run((session, sessions) => refusalOf(sessions.login(session, 'ada', options)));
    expect(answer.result).toEqual({
      code: 'INVALID_LOGIN_OPTION',
      message: expect.stringMatching(new RegExp(`^login option ${name}: takes .*; got `)),
    });
    expect([store.calls, answer.issued]).toEqual([[], undefined]);
  });

  it.each(['id', 'save', '__proto__'])(
    'keep of the reserved name %s is refused, and nothing is stored',
    async (name) => {
      const answer = await app.run((session, sessions) => refusalOf(sessions.login(session, 'ada', { keep: [name] })));
      expect([answer.result, store.calls]).toEqual([expect.objectContaining({ code: 'RESERVED_NAME' }), []]);
    },
  );

  it('leaves the session as it was, and the next login is free to succeed', async () => {
    const visitor = (await app.run((session) => void (session['cart'] = 1))).issued as string;
    const answer = await app.run(async (session, sessions) => {
      await refusalOf(sessions.login(session, ''));
      await refusalOf(sessions.login(session, 'ada', { level: 0 }));
      session['cart'] = 2;
    }, visitor);
    expect([answer.status, answer.issued, await app.dataOf(visitor)]).toEqual([201, undefined, { cart: 2 }]);
    expect(await app.opening(await app.signIn('ada', {}, visitor), visitor)).toEqual([true, false]);
  });

  it.each(['no', 'an anonymous'])(
    'law 4: after the answer has begun, with %s session: an error, and nothing is stored',
    async (kind) => {
      const visitor = kind === 'no' ? undefined : (await app.run((session) => void (session['cart'] = 1))).issued;
      store.calls.length = 0;
      begun = new Barrier();
      const answering = call(app.running.url, '/late', { token: visitor });
      await begun.arrived;
      begun.open();
      expect((await answering).text).toBe('begun');
      expect(late).toMatchObject({ code: 'ALREADY_ANSWERED' });
      expect(store.calls).toEqual(visitor === undefined ? [] : ['load']);
      if (visitor !== undefined) expect(await app.dataOf(visitor)).toEqual({ cart: 1 });
    },
  );

  it('D44: after the request has ended: an error, and nothing is stored', async () => {
    let kept: Session<Data> | undefined;
    await app.run((session) => void (kept = session));
    const refusal = await refusalOf(app.sessions.login(kept as Session<Data>, 'ada'));
    expect([refusal, store.calls]).toEqual([expect.objectContaining({ code: 'ALREADY_ANSWERED' }), []]);
  });

  describe('ASVS 3.5.1: by another site, with the cookie transport', () => {
    beforeEach(() => start(COOKIE));

    it('login CSRF: is 403 and stores nothing', async () => {
      const events = collectEvents(app.running);
      const answer = await app.run(login('mallory'), undefined, CROSS_SITE);
      expect([answer.status, answer.code, answer.cookies]).toEqual([403, 'CSRF_REFUSED', []]);
      expect([store.calls, events]).toEqual([[], [{ type: 'malicious_cors', reason: expect.any(String) }]]);
    });

    it('login CSRF: one that is caught or not waited for stores nothing either', async () => {
      const caught = await app.run(
        (session, sessions) => refusalOf(sessions.login(session, 'mallory')),
        undefined,
        CROSS_SITE,
      );
      const unawaited = await app.run(
        (session, sessions) => void sessions.login(session, 'mallory'),
        undefined,
        CROSS_SITE,
      );
      expect(caught.result).toMatchObject({ code: 'CSRF_REFUSED' });
      expect([caught.cookies, unawaited.cookies, store.calls]).toEqual([[], [], []]);
    });

    it('login CSRF: the session that the victim has stays, and is not taken over', async () => {
      const victim = await app.signIn('ada');
      store.calls.length = 0;
      const answer = await app.run(login('mallory'), victim, CROSS_SITE);
      expect([answer.status, answer.cookies, store.calls]).toEqual([403, [], []]);
      expect((await app.run(info, victim)).result).toMatchObject({ userId: 'ada' });
    });
  });
});
