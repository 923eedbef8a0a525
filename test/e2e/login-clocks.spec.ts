import { MemoryStore, type LoginOptions, type SessionInfo, type SessionOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { data, info, login, pairsOf, regenerate, ScriptedApp, type Data } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let clock: TestClock;

beforeEach(() => {
  clock = new TestClock();
});

afterEach(closeApps);

/** Expects the session to live until `end`, and not at it. Moves no idle clock. */
async function expectEnd(app: ScriptedApp, token: string, end: number): Promise<void> {
  clock.advance(end - 1 - clock.now());
  expect(await app.opening(token)).toEqual([true]);
  clock.advance(1);
  expect(await app.opening(token)).toEqual([false]);
}

describe.each(PLATFORMS)('the clocks of a login on %s', (platform) => {
  const start = (options: SessionOptions = {}): Promise<ScriptedApp> =>
    ScriptedApp.start(platform, { clock: clock.now, ...options });

  const known = async (app: ScriptedApp, token: string): Promise<SessionInfo> =>
    (await app.run(info, token)).result as SessionInfo;

  describe.each(pairsOf(platform))('with $store', ({ build }) => {
    let store: NonNullable<SessionOptions['store']>;
    beforeEach(() => {
      store = build() as typeof store;
    });

    it('law 8: a login restarts both clocks and notes when the user proved who they are', async () => {
      const app = await start({ store });
      const visitor = (await app.run((session) => void (session['cart'] = 1))).issued as string;
      clock.advance(20 * MINUTE);
      expect(await known(app, visitor)).not.toHaveProperty('authenticatedAt');
      const token = await app.signIn('ada', {}, visitor);
      const now = clock.now();
      expect(await known(app, token)).toMatchObject({
        authenticatedAt: now,
        startedAt: now,
        usedAt: now,
        idleExpiresAt: now + 30 * MINUTE,
        absoluteExpiresAt: now + 12 * HOUR,
      });
      await expectEnd(app, token, now + 30 * MINUTE);
    });

    it('law 8, ASVS 7.5.1: use and a new token move authenticatedAt not', async () => {
      const app = await start({ store });
      const at = clock.now();
      let token = await app.signIn();
      clock.advance(10 * MINUTE);
      await app.run((session) => void (session['cart'] = 1), token);
      clock.advance(10 * MINUTE);
      token = (await app.run(regenerate, token)).issued as string;
      expect(await known(app, token)).toMatchObject({ authenticatedAt: at, startedAt: at, usedAt: clock.now() });
    });

    it('law 8, ASVS 7.3.1: a session with an idle limit of its own ends by it', async () => {
      const app = await start({ store });
      const token = await app.signIn('ada', { idleTimeout: '10m' });
      await expectEnd(app, token, clock.now() + 10 * MINUTE);
    });

    it('law 8, ASVS 7.3.2: a session with an absolute limit of its own ends by it, however much it is used', async () => {
      const app = await start({ store });
      const begun = clock.now();
      const token = await app.signIn('ada', { absoluteTimeout: '1h', idleTimeout: '20m' });
      for (let used = 0; used < 7; used++) {
        clock.advance(8 * MINUTE);
        expect((await app.run(data, token)).result).toEqual({});
      }
      await expectEnd(app, token, begun + HOUR);
    });

    it('law 8: an absolute limit that is shorter than the idle one shortens it', async () => {
      const app = await start({ store });
      const token = await app.signIn('ada', { absoluteTimeout: '10m' });
      await expectEnd(app, token, clock.now() + 10 * MINUTE);
    });

    it('law 8: longer limits are capped by the options, and kept: they count once the options allow', async () => {
      const app = await start({ store });
      const begun = clock.now();
      const token = await app.signIn('ada', { idleTimeout: '2h', absoluteTimeout: '90d' });
      expect(await known(app, token)).toMatchObject({
        idleExpiresAt: begun + 30 * MINUTE,
        absoluteExpiresAt: begun + 12 * HOUR,
      });
      const generous = await start({ store, idleTimeout: '3h', absoluteTimeout: '100d' });
      await expectEnd(app, token, begun + 30 * MINUTE);
      expect((await generous.sessions.load(token))?.maxAge).toBe(2 * HOUR - 30 * MINUTE);
      await expectEnd(generous, token, begun + 2 * HOUR);
    });

    it('law 8: a later shortened option acts at once on sessions with longer limits', async () => {
      const app = await start({ store });
      const begun = clock.now();
      const tokens = await Promise.all([app.signIn(), app.signIn('ada', { idleTimeout: '10m' }), app.signIn('ada')]);
      const shortIdle = await start({ store, idleTimeout: '5m' });
      const shortAbsolute = await start({ store, idleTimeout: '4m', absoluteTimeout: '4m' });
      clock.advance(4 * MINUTE - 1);
      expect(await shortAbsolute.opening(...tokens)).toEqual([true, true, true]);
      clock.advance(1);
      expect(await shortAbsolute.opening(...tokens)).toEqual([false, false, false]);
      clock.advance(MINUTE - 1);
      expect(await shortIdle.opening(...tokens)).toEqual([true, true, true]);
      clock.advance(1);
      expect(await shortIdle.opening(...tokens)).toEqual([false, false, false]);
      expect(await app.opening(...tokens)).toEqual([true, true, true]);
      await expectEnd(app, tokens[1], begun + 10 * MINUTE);
    });

    it.each<[string, SessionOptions, LoginOptions<Data>, number]>([
      ['a tenth of its own idle limit', {}, { idleTimeout: '10m' }, MINUTE],
      ['that also with a longer touchInterval', { touchInterval: '20m' }, { idleTimeout: '10m' }, MINUTE],
      ['touchInterval where that is shorter', { touchInterval: '5s' }, { idleTimeout: '10m' }, 5 * SECOND],
    ])('law 8: the idle clock is moved after %s, not before', async (_title, options, limits, interval) => {
      const app = await start({ store, ...options });
      const begun = clock.now();
      const [early, late] = [await app.signIn('ada', limits), await app.signIn('ada', limits)];
      clock.advance(interval - 1);
      await app.run(data, early);
      clock.advance(1);
      await app.run(data, late);
      // Ends between idleTimeout − touchInterval and idleTimeout after its last request.
      await expectEnd(app, early, begun + 10 * MINUTE);
      await expectEnd(app, late, begun + interval + 10 * MINUTE);
    });

    it('law 8: the idle clock of a session with longer limits than the options is moved as of any other', async () => {
      const app = await start({ store, touchInterval: '20m' });
      const begun = clock.now();
      const token = await app.signIn('ada', { idleTimeout: '2h' });
      clock.advance(20 * MINUTE - 1);
      await app.run(data, token);
      expect((await app.sessions.load(token))?.maxAge).toBe(10 * MINUTE + 1);
      clock.advance(1);
      await app.run(data, token);
      await expectEnd(app, token, begun + 50 * MINUTE);
    });

    it('law 7, law 8: a new token keeps the limits of the session', async () => {
      const app = await start({ store });
      const begun = clock.now();
      const first = await app.signIn('ada', { idleTimeout: '10m', absoluteTimeout: '15m' });
      clock.advance(8 * MINUTE);
      const second = (await app.run(regenerate, first)).issued as string;
      expect(await known(app, second)).toMatchObject({
        idleExpiresAt: clock.now() + 10 * MINUTE,
        absoluteExpiresAt: begun + 15 * MINUTE,
      });
      await expectEnd(app, second, begun + 15 * MINUTE);
    });
  });

  it('law 3, law 8: a session with a shorter idle limit is touched once per its interval', async () => {
    const store = new ProbedStore();
    const app = await start({ store });
    const token = await app.signIn('ada', { idleTimeout: '10m' });
    store.calls.length = 0;
    for (let second = 0; second <= 180; second += 20) {
      await app.run(data, token);
      clock.advance(20 * SECOND);
    }
    expect(store.calls.filter((name) => name !== 'load')).toEqual(['touch', 'touch', 'touch']);
  });

  it('law 12: a limit beyond the option is said once, with the remedy', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
    const app = await start({ store: new MemoryStore(), logger });
    for (let times = 0; times < 3; times++) await app.signIn('ada', { absoluteTimeout: '90d' });
    expect(lines).toEqual([expect.stringMatching(/absoluteTimeout.*raise the option absoluteTimeout/)]);
  });

  describe('in a cookie', () => {
    const maxAge = (cookies: string[]): string | undefined => /Max-Age=(\d+)/.exec(cookies.join())?.[1];

    it.each<[string, LoginOptions<Data>, number]>([
      ['the option', {}, (12 * HOUR) / SECOND],
      ["the session's own absolute limit", { absoluteTimeout: '1h' }, HOUR / SECOND],
      ['the option where the own limit is longer', { absoluteTimeout: '90d' }, (12 * HOUR) / SECOND],
    ])('law 8: Max-Age is the absolute limit: %s', async (_which, options, seconds) => {
      const app = await ScriptedApp.start(platform, { clock: clock.now }, { carrier: COOKIE });
      const signedIn = await app.run(login('ada', options));
      expect(maxAge(signedIn.cookies)).toBe(String(seconds));
      clock.advance(10 * MINUTE);
      const renewed = await app.run(regenerate, signedIn.issued);
      expect(maxAge(renewed.cookies)).toBe(String(seconds - 600));
    });

    it('law 8: persistent: false is a cookie of the browser session, also under a new token, until the next login', async () => {
      const app = await ScriptedApp.start(
        platform,
        { clock: clock.now, absoluteTimeout: 2 * DAY },
        { carrier: COOKIE },
      );
      const signedIn = await app.run(login('ada', { persistent: false, absoluteTimeout: '1d' }));
      const renewed = await app.run(regenerate, signedIn.issued);
      const proved = await app.run(async (session, sessions) => {
        await sessions.reauthenticate(session, { level: 2 });
      }, renewed.issued);
      for (const { cookies } of [signedIn, renewed, proved]) {
        expect(cookies).toEqual([
          expect.stringMatching(/^__Host-sid=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
        ]);
      }
      expect((await app.run(info, proved.issued)).result).toMatchObject({ persistent: false, level: 2 });
      const again = await app.run(login('ada'), proved.issued);
      expect(maxAge(again.cookies)).toBe(String((2 * DAY) / SECOND));
    });
  });
});
