import { MemoryStore, type SessionOptions, type UserSession } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import {
  info,
  login,
  pairsOf,
  refusalOf,
  regenerate,
  ScriptedApp,
  type Ran,
  type Script,
} from '../support/scripted.js';
import type { SimpleMapStore } from '../support/stores.js';

type Mode = NonNullable<SessionOptions['onMaxPerUser']>;

const MINUTE = 60_000;
const MODES: Mode[] = ['evict', 'reject'];

const visit: Script = (session) => void (session['cart'] = 1);
const logout: Script = (session) => session.destroy();

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(PLATFORMS)('maxPerUser on %s (ASVS 7.1.2)', (platform) => {
  describe.each(pairsOf(platform))('with $store by $carrier.name', ({ build, carrier }) => {
    let clock: TestClock;
    let store: NonNullable<SessionOptions['store']>;

    beforeEach(() => {
      clock = new TestClock();
      store = build() as typeof store;
    });

    const start = (maxPerUser: number | undefined, onMaxPerUser: Mode = 'evict'): Promise<ScriptedApp> => {
      const limit = maxPerUser === undefined ? {} : { maxPerUser, onMaxPerUser };
      // 50 logins at once may take a slow machine longer than a store has by default.
      const options = { store, clock: clock.now, storeTimeout: '30s', ...limit };
      return ScriptedApp.start(platform, options, { carrier });
    };

    /** Signs in as ada by label, a minute apart. */
    async function signIn(app: ScriptedApp, ...names: string[]): Promise<Record<string, string>> {
      const tokens: Record<string, string> = {};
      for (const label of names) {
        tokens[label] = await app.signIn('ada', { label });
        clock.advance(MINUTE);
      }
      return tokens;
    }

    /** What the list says is there, after a check that it is what tokens open. */
    async function living(app: ScriptedApp, tokens: Record<string, string> = {}): Promise<string[]> {
      const listed = (await app.sessions.list('ada')).map(({ label }: UserSession) => label as string).sort();
      const names = Object.keys(tokens);
      const open = await app.opening(...Object.values(tokens));
      if (names.length > 0) expect(names.filter((_name, index) => open[index]).sort()).toEqual(listed);
      return listed;
    }

    /** 50 logins that all wait in their handlers until the last has come. */
    async function parallel(app: ScriptedApp, count = 50): Promise<Ran[]> {
      const barrier = new Barrier(count);
      const requests = Array.from({ length: count }, (_, index) =>
        app.run(async (session, sessions) => {
          await barrier.pass();
          return login('ada', { label: String(index) })(session, sessions);
        }),
      );
      await barrier.arrived;
      barrier.open();
      return Promise.all(requests);
    }

    it.each(MODES)('%s: 50 parallel logins with a limit of 3 leave exactly 3', async (mode) => {
      const app = await start(3, mode);
      const answers = await parallel(app);
      const signedIn = answers.filter(({ status }) => status === 201);
      const tokens = signedIn.map(({ issued }) => issued as string);
      expect((await app.opening(...tokens)).filter(Boolean)).toHaveLength(3);
      expect(await app.sessions.list('ada')).toHaveLength(3);
      const refused = answers.filter(({ status }) => status !== 201);
      for (const answer of refused) {
        const refusal = mode === 'reject' ? [403, 'TOO_MANY_SESSIONS'] : [401, 'SESSION_ENDED'];
        expect([answer.status, answer.code, answer.issued]).toEqual([...refusal, undefined]);
      }
      if (mode === 'reject') expect(refused).toHaveLength(47);
      // No session is left over that nobody lists, and nothing else.
      expect(await app.sessions.destroyAll('ada')).toBe(3);
      expect((await app.opening(...tokens)).filter(Boolean)).toEqual([]);
      expect(store instanceof MemoryStore ? store.count() : (store as SimpleMapStore).sessions.size).toBe(0);
    });

    it('evict: 50 parallel logins into a full account leave exactly 3', async () => {
      const app = await start(3);
      const earlier = await signIn(app, 'one', 'two', 'three');
      const answers = await parallel(app);
      const tokens = answers.flatMap(({ issued }) => (issued === undefined ? [] : [issued]));
      expect(await app.opening(...Object.values(earlier))).toEqual([false, false, false]);
      expect((await app.opening(...tokens)).filter(Boolean)).toHaveLength(3);
      expect(await app.sessions.list('ada')).toHaveLength(3);
    });

    it('evict: ends the session that was used longest ago', async () => {
      const app = await start(3);
      let tokens = await signIn(app, 'one', 'two', 'three');
      clock.advance(5 * MINUTE);
      await app.run(visit, tokens['one']);
      tokens = { ...tokens, ...(await signIn(app, 'four')) };
      expect(await living(app, tokens)).toEqual(['four', 'one', 'three']);
      tokens = { ...tokens, ...(await signIn(app, 'five')) };
      expect(await living(app, tokens)).toEqual(['five', 'four', 'one']);
    });

    it('evict: of sessions used in the same moment the one that began first ends', async () => {
      const app = await start(2);
      const tokens: Record<string, string> = {};
      for (const label of ['one', 'two', 'three', 'four']) tokens[label] = await app.signIn('ada', { label });
      expect(await living(app, tokens)).toEqual(['four', 'three']);
    });

    it('reject: is 403 TOO_MANY_SESSIONS, and leaves the anonymous session as it was', async () => {
      const app = await start(2, 'reject');
      const tokens = await signIn(app, 'one', 'two');
      const visitor = (await app.run(visit)).issued as string;
      const before = (await app.run(info, visitor)).result;
      const answer = await app.run(login('ada', { label: 'three', keep: ['cart'] }), visitor);
      expect([answer.status, answer.json(), answer.issued]).toEqual([
        403,
        {
          statusCode: 403,
          error: 'Forbidden',
          code: 'TOO_MANY_SESSIONS',
          message: expect.stringContaining('2 sessions already'),
        },
        undefined,
      ]);
      expect((await app.run(info, visitor)).result).toEqual(before);
      expect(await app.dataOf(visitor)).toEqual({ cart: 1 });
      expect(await living(app, tokens)).toEqual(['one', 'two']);
    });

    it('reject: one that the handler catches leaves the session usable, and the next login free', async () => {
      const app = await start(1, 'reject');
      const { one } = await signIn(app, 'one');
      const visitor = (await app.run(visit)).issued as string;
      const answer = await app.run(async (session, sessions) => {
        const refusal = await refusalOf(sessions.login(session, 'ada'));
        session['cart'] = 2;
        return refusal;
      }, visitor);
      expect(answer.result).toMatchObject({ code: 'TOO_MANY_SESSIONS' });
      expect(await app.dataOf(visitor)).toEqual({ cart: 2 });
      await app.run(logout, one);
      expect(await app.opening(await app.signIn('ada', {}, visitor))).toEqual([true]);
    });

    it('a user has a limit of their own', async () => {
      const app = await start(1, 'reject');
      await signIn(app, 'one');
      expect(await app.opening(await app.signIn('bob'), await app.signIn('eve'))).toEqual([true, true]);
    });

    it.each(MODES)('%s: sessions that ran out or were logged out do not count', async (mode) => {
      const app = await start(3, mode);
      const { one } = await signIn(app, 'one');
      clock.advance(20 * MINUTE);
      const { two, three } = await signIn(app, 'two', 'three');
      await app.run(logout, two);
      // The first runs out while the third is used.
      clock.advance(7 * MINUTE);
      await app.run(visit, three);
      clock.advance(MINUTE);
      const more = await signIn(app, 'four', 'five');
      expect(await living(app, { one: one as string, three: three as string, ...more })).toEqual([
        'five',
        'four',
        'three',
      ]);
    });

    it.each(MODES)('%s: sessions that were ended by destroyById and destroyAll do not count', async (mode) => {
      const app = await start(2, mode);
      await signIn(app, 'one', 'two');
      const [, oldest] = (await app.sessions.list('ada')) as [UserSession, UserSession];
      await app.sessions.destroyById('ada', oldest.id);
      await signIn(app, 'three');
      expect(await living(app)).toEqual(['three', 'two']);
      await app.sessions.destroyAll('ada');
      await signIn(app, 'four', 'five');
      expect(await living(app)).toEqual(['five', 'four']);
    });

    it.each<[string, Script]>([
      ['regenerate', regenerate],
      [
        'reauthenticate',
        async (session, sessions) => {
          await sessions.reauthenticate(session);
        },
      ],
      ['a login of the same user', login('ada', { label: 'two' })],
      [
        'all three in one request',
        async (session, sessions) => {
          const second = await sessions.regenerate(session);
          const third = await sessions.reauthenticate(second);
          await sessions.login(third, 'ada', { label: 'two' });
        },
      ],
    ])('in a full account %s succeeds and ends no other session', async (_name, script) => {
      const app = await start(3, 'reject');
      const { one, two, three } = (await signIn(app, 'one', 'two', 'three')) as {
        one: string;
        two: string;
        three: string;
      };
      let token = two;
      for (let times = 0; times < 3; times++) {
        const answer = await app.run(script, token);
        expect(answer.status).toBe(201);
        token = answer.issued as string;
      }
      expect(await living(app, { one, two: token, three })).toEqual(['one', 'three', 'two']);
      expect((await app.run(login('ada'))).code).toBe('TOO_MANY_SESSIONS');
    });

    it('a login as another user gives the former one’s place free', async () => {
      const app = await start(1, 'reject');
      const { one } = await signIn(app, 'one');
      await app.signIn('bob', {}, one);
      expect(await app.opening(await app.signIn('ada'))).toEqual([true]);
    });

    it.each(MODES)('%s: a lowered limit ends nobody by itself, and counts at the next login', async (mode) => {
      const tokens = await signIn(await start(undefined), 'one', 'two', 'three', 'four', 'five');
      const app = await start(3, mode);
      expect(await living(app, tokens)).toHaveLength(5);
      const answer = await app.run(login('ada', { label: 'six' }));
      if (mode === 'reject') {
        expect(answer.code).toBe('TOO_MANY_SESSIONS');
        expect(await living(app, tokens)).toHaveLength(5);
      } else expect(await living(app, { ...tokens, six: answer.issued as string })).toEqual(['five', 'four', 'six']);
    });
  });
});
