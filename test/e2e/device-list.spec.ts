import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { Session, SessionOptions, UserSession } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import type { Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { info, pairsOf, refusalOf, regenerate, ScriptedApp, type Data, type Script } from '../support/scripted.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const write: Script = (session) => void (session['cart'] = 1);
const idOf = (token: string): string => createHash('sha256').update(token).digest('base64url');
const labels = (sessions: readonly UserSession[]): unknown[] => sessions.map(({ label }) => label);

/** An answer but for what differs from one to the next anyway. */
function comparable({ status, headers: { date: _date, ...headers }, text }: Answer): object {
  return { status, headers, text };
}

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(PLATFORMS)("a user's sessions on %s", (platform) => {
  describe.each(pairsOf(platform))('with $store by $carrier.name', ({ build, carrier }) => {
    let clock: TestClock;
    let store: NonNullable<SessionOptions['store']>;
    let app: ScriptedApp;
    /** Another process on the same store. */
    let other: ScriptedApp;

    beforeEach(async () => {
      clock = new TestClock();
      store = build() as typeof store;
      app = await ScriptedApp.start(platform, { store, clock: clock.now }, { carrier });
      other = await ScriptedApp.start(platform, { store, clock: clock.now }, { carrier });
    });

    /** Three sessions of ada, a minute apart, and one of bob. */
    async function signInAll(): Promise<[string, string, string, string]> {
      const tokens: string[] = [];
      for (const label of ['laptop', 'phone', 'kiosk']) {
        tokens.push(await app.signIn('ada', { label }));
        clock.advance(MINUTE);
      }
      return [...tokens, await app.signIn('bob', { label: 'bob' })] as [string, string, string, string];
    }

    it('ASVS 7.5.2: are listed with the one used last first, on each process', async () => {
      const [laptop] = await signInAll();
      expect(labels(await app.sessions.list('ada'))).toEqual(['kiosk', 'phone', 'laptop']);
      clock.advance(3 * MINUTE);
      await app.run(write, laptop);
      for (const process of [app, other]) {
        expect(labels(await process.sessions.list('ada'))).toEqual(['laptop', 'kiosk', 'phone']);
        expect(labels(await process.sessions.list('bob'))).toEqual(['bob']);
        expect(await process.sessions.list('eve')).toEqual([]);
      }
    });

    it('ASVS 7.5.2: are listed with all that is known of them', async () => {
      const begun = clock.now();
      const token = await app.signIn(7, { label: 'phone', level: 2, persistent: false, idleTimeout: '10m' });
      clock.advance(5 * MINUTE);
      await app.run(write, token);
      expect(await app.sessions.list(7)).toEqual([
        {
          id: idOf(token),
          userId: '7',
          label: 'phone',
          level: 2,
          authenticatedAt: begun,
          device: undefined,
          persistent: false,
          startedAt: begun,
          usedAt: begun + 5 * MINUTE,
          idleExpiresAt: begun + 15 * MINUTE,
          absoluteExpiresAt: begun + 12 * HOUR,
        },
      ]);
    });

    it('law 2, ASVS 7.5.2: a list over HTTP holds no token and no data, and marks the own session by its id', async () => {
      const tokens = await signInAll();
      const own = tokens[1];
      await app.run((session) => void (session['cart'] = 'data-of-ada'), own);
      const answer = await app.run(async (session, sessions) => {
        const list = await sessions.list(sessions.info(session).userId as string);
        return list.map((entry) => ({ ...entry, own: entry.id === session.id, seen: inspect(entry, { depth: 9 }) }));
      }, own);
      const list = answer.result as { id: string; own: boolean }[];
      expect(list.filter((entry) => entry.own).map(({ id }) => id)).toEqual([idOf(own)]);
      expect(list).toHaveLength(3);
      for (const secret of [...tokens, 'data-of-ada']) expect(answer.text).not.toContain(secret);
    });

    it('an id is no token', async () => {
      const token = await app.signIn();
      const [{ id }] = (await app.sessions.list('ada')) as [UserSession];
      expect(await app.opening(id)).toEqual([false]);
      expect((await app.run(info, id)).result).toMatchObject({ isNew: true, level: 0 });
      expect(await app.opening(token)).toEqual([true]);
    });

    it('that ran out or were logged out are not listed any more', async () => {
      const [laptop, phone] = await signInAll();
      await app.run((session) => session.destroy(), laptop);
      expect(labels(await app.sessions.list('ada'))).toEqual(['kiosk', 'phone']);
      clock.advance(20 * MINUTE);
      await app.run(write, phone);
      clock.advance(9 * MINUTE - 1);
      expect(labels(await app.sessions.list('ada'))).toEqual(['phone', 'kiosk']);
      clock.advance(1);
      expect(labels(await app.sessions.list('ada'))).toEqual(['phone']);
      clock.advance(30 * MINUTE);
      expect(await app.sessions.list('ada')).toEqual([]);
    });

    it('are listed once under their new token, with their label', async () => {
      const token = await app.signIn('ada', { label: 'phone' });
      const next = (await app.run(regenerate, token)).issued as string;
      expect(await app.sessions.list('ada')).toMatchObject([{ id: idOf(next), label: 'phone' }]);
    });

    it('ASVS 7.5.2: destroyById ends one of them, and not that of another user', async () => {
      const [laptop, phone, kiosk, bob] = await signInAll();
      const { sessions } = app;
      expect(await sessions.destroyById('ada', idOf(bob))).toBe(false);
      expect(await sessions.destroyById('eve', idOf(phone))).toBe(false);
      expect(await app.opening(laptop, phone, kiosk, bob)).toEqual([true, true, true, true]);
      expect(await sessions.destroyById('ada', idOf(phone))).toBe(true);
      expect(await app.opening(laptop, phone, kiosk, bob)).toEqual([true, false, true, true]);
      expect(await sessions.destroyById('ada', idOf(phone))).toBe(false);
      expect(labels(await sessions.list('ada'))).toEqual(['kiosk', 'laptop']);
    });

    it.each<[string, unknown]>([
      ['an unknown id', 'A'.repeat(43)],
      ['a token in its place', 'token'],
      ['empty text', ''],
      ['hostile text', "*' OR 1=1--"],
    ])('destroyById: %s is not found, and ends nothing', async (_name, given) => {
      const token = await app.signIn();
      expect(await app.sessions.destroyById('ada', given === 'token' ? token : (given as string))).toBe(false);
      expect(await app.opening(token)).toEqual([true]);
    });

    it.each<unknown>([undefined, null, 0, {}])(
      'destroyById: %j, as from an empty form, ends nothing',
      async (given) => {
        const token = await app.signIn();
        const ended = await app.sessions.destroyById('ada', given as string).catch(() => false);
        expect([ended, await app.opening(token)]).toEqual([false, [true]]);
      },
    );

    it('ASVS 7.4.3: destroyAll ends all of them, and those of no other user', async () => {
      const [laptop, phone, kiosk, bob] = await signInAll();
      expect(await app.sessions.destroyAll('ada')).toBe(3);
      expect(await app.opening(laptop, phone, kiosk, bob)).toEqual([false, false, false, true]);
      expect([await app.sessions.list('ada'), await app.sessions.destroyAll('ada')]).toEqual([[], 0]);
      expect(await app.opening(await app.signIn())).toEqual([true]);
    });

    it.each<[string, (session: Session<Data>) => { except: Session<Data> | string }]>([
      ['a session', (session) => ({ except: session })],
      ['an id', (session) => ({ except: session.id as string })],
    ])('ASVS 7.4.3: destroyAll with except, as %s, ends all others', async (_how, options) => {
      const [laptop, phone, kiosk, bob] = await signInAll();
      const answer = await app.run((session, sessions) => sessions.destroyAll('ada', options(session)), phone);
      expect([answer.status, answer.result, answer.issued]).toEqual([201, 2, undefined]);
      expect(await app.opening(laptop, phone, kiosk, bob)).toEqual([false, true, false, true]);
      expect(labels(await app.sessions.list('ada'))).toEqual(['phone']);
    });

    it('destroyAll with an except that is not of this user ends all', async () => {
      const [laptop, phone, kiosk, bob] = await signInAll();
      expect(await app.sessions.destroyAll('ada', { except: idOf(bob) })).toBe(3);
      expect(await app.opening(laptop, phone, kiosk, bob)).toEqual([false, false, false, true]);
    });

    it('law 7: destroyAll with except, as the handle that a login has just replaced, never ends the new session', async () => {
      const [laptop, phone, kiosk] = await signInAll();
      const answer = await app.run(async (session, sessions) => {
        await sessions.login(session, 'ada');
        await refusalOf(sessions.destroyAll('ada', { except: session }));
      });
      expect(await app.opening(answer.issued as string)).toEqual([true]);
      await app.sessions.destroyAll('ada', { except: idOf(answer.issued as string) });
      expect(await app.opening(laptop, phone, kiosk)).toEqual([false, false, false]);
    });

    it('destroyAll that ends the own session too: the request goes on, and its changes are refused', async () => {
      const [laptop] = await signInAll();
      const reading = await app.run((_session, sessions) => sessions.destroyAll('ada'), laptop);
      expect([reading.status, reading.result]).toEqual([201, 3]);
      const token = await app.signIn();
      const writing = await app.run(async (session, sessions) => {
        await sessions.destroyAll('ada');
        session['cart'] = 1;
      }, token);
      expect([writing.status, writing.code, await app.opening(token)]).toEqual([401, 'SESSION_ENDED', [false]]);
    });

    it('ASVS 7.2.1, ASVS 7.4.1: what process A has ended is refused on process B', async () => {
      const [laptop, phone, kiosk] = await signInAll();
      expect((await other.run(info, laptop)).result).toMatchObject({ userId: 'ada' });
      await app.sessions.destroyById('ada', idOf(laptop));
      expect((await other.run(info, laptop)).result).toMatchObject({ isNew: true, level: 0 });
      expect((await other.run(info, phone)).result).toMatchObject({ userId: 'ada' });
      await app.sessions.destroyAll('ada');
      for (const token of [phone, kiosk]) {
        expect((await other.run(info, token)).result).toMatchObject({ isNew: true, level: 0 });
      }
      expect(await other.sessions.list('ada')).toEqual([]);
    });

    it.each<[string, Script]>([
      ['reads', (session) => ({ ...session })],
      ['has a look at who is signed in', (session, sessions) => sessions.info(session).userId],
    ])('H24: who was signed out and %s gets the answer of an unknown token', async (_what, script) => {
      const [laptop, phone] = await signInAll();
      await app.sessions.destroyById('ada', idOf(laptop));
      await app.sessions.destroyAll('ada');
      const unknown = comparable(await app.run(script, 'B'.repeat(43)));
      for (const token of [laptop, phone]) expect(comparable(await app.run(script, token))).toEqual(unknown);
    });

    it('law 1: a write of who was signed out begins a new session of nobody', async () => {
      const token = await app.signIn();
      await app.sessions.destroyAll('ada');
      const answer = await app.run(write, token);
      expect(answer.issued).toMatch(/^[\w-]{43}$/);
      expect(answer.issued).not.toBe(token);
      expect((await app.run(info, answer.issued)).result).toMatchObject({ level: 0 });
      expect(await app.sessions.list('ada')).toEqual([]);
    });

    it('ASVS 16.3.1: each end is an event that names the user, and holds no token', async () => {
      const tokens = await signInAll();
      const events = collectEvents(app.running);
      await app.sessions.destroyById('ada', idOf(tokens[1]));
      await app.sessions.destroyAll('ada');
      const ended = (token: string): object => ({ type: 'session_destroyed', id: idOf(token), userId: 'ada' });
      expect(events).toHaveLength(3);
      expect(events).toEqual(expect.arrayContaining([ended(tokens[0]), ended(tokens[1]), ended(tokens[2])]));
    });
  });
});
