import { createHash } from 'node:crypto';
import { Controller, Post } from '@nestjs/common';
import {
  RequireRecentLogin,
  type AtomicSessionStore,
  type SessionOptions,
  type SessionStore,
} from 'nestjs-token-session';
import { closeApps } from '../../support/app.js';
import { Barrier } from '../../support/barrier.js';
import { CARRIERS, HEADER, type Carrier } from '../../support/carriers.js';
import { call } from '../../support/client.js';
import { TestClock } from '../../support/clock.js';
import { PLATFORMS, type Platform } from '../../support/platforms.js';
import { info, login, ScriptedApp, type Script } from '../../support/scripted.js';

const MINUTE = 60_000;
const IDLE = 30 * MINUTE;
const TOUCH = 3 * MINUTE;
const ABSOLUTE = 2 * 60 * MINUTE;
/** For many at once on a busy machine, in ms. */
const PATIENCE = 20_000;

type AnyStore = SessionStore | AtomicSessionStore;

/** A kind of store, with data of its own for each test. */
export interface SessionPlace {
  readonly name: string;
  /** A store on new data; what it gives is called once for each process. */
  open(): Promise<() => AnyStore> | (() => AnyStore);
  /** Whether processes share sessions under laws 5 to 7: on an unconditional `set` they do within one process only. */
  readonly isShared: boolean;
  /** Whether it can end all of them, and count them. */
  readonly isWhole: boolean;
}

@Controller('recent')
class RecentController {
  @Post()
  @RequireRecentLogin('10m')
  act(): { result: string } {
    return { result: 'done' };
  }
}

const visit: Script = (session) => void (session['cart'] = 1);
const look: Script = (session) => ({ ...session });
const logout: Script = (session) => session.destroy();
const idOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** The items of ASVS V7 that depend on what keeps the sessions, on one kind of store after the other. */
export function describeSessionItems(places: readonly SessionPlace[]): void {
  describe.each(places.map((place, index) => ({ ...place, platform: PLATFORMS[index % 2] as Platform })))(
    '$name, on $platform',
    ({ open, isShared, isWhole, platform }) => {
      let clock: TestClock;
      let store: () => AnyStore;
      let a: ScriptedApp;
      let b: ScriptedApp;

      beforeEach(async () => {
        // Stores with a clock of their own must not find the sessions of another year.
        clock = new TestClock(Date.now());
        store = await open();
      });
      afterEach(closeApps);

      /** Two processes on the same data. */
      async function start(session: SessionOptions = {}, carrier: Carrier = HEADER): Promise<void> {
        const process = (): Promise<ScriptedApp> => {
          const options = { store: store(), clock: clock.now, idleTimeout: IDLE, absoluteTimeout: ABSOLUTE };
          return ScriptedApp.start(platform, { ...options, ...session }, { carrier, controllers: [RecentController] });
        };
        a = await process();
        b = isShared ? await process() : a;
      }

      const visitor = async (): Promise<string> => (await a.run(visit)).issued as string;

      /** Which of these tokens open a session in each process. */
      async function living(tokens: readonly string[]): Promise<string[]> {
        const [here, there] = [await a.opening(...tokens), await b.opening(...tokens)];
        expect(there).toEqual(here);
        return tokens.filter((_token, index) => here[index]);
      }

      const lives = async (token: string): Promise<boolean> => (await living([token])).length === 1;

      /** A touch runs beside the answer: this is when the store has it. */
      async function touched(token: string): Promise<void> {
        for (;;) {
          const session = await a.sessions.load(token);
          if (session === undefined || a.sessions.info(session).usedAt === clock.now()) return;
          await new Promise(setImmediate);
        }
      }

      it.each(['evict', 'reject'] as const)(
        'ASVS 7.1.2: 50 parallel logins with maxPerUser 3, %s, leave exactly 3',
        async (onMaxPerUser) => {
          await start({ maxPerUser: 3, onMaxPerUser, storeTimeout: PATIENCE });
          const barrier = new Barrier(50);
          const logins = Array.from({ length: 50 }, (_, index) =>
            (index % 2 === 0 ? a : b).run(async (session, sessions) => {
              await barrier.pass();
              return login('ada')(session, sessions);
            }),
          );
          await barrier.arrived;
          barrier.open();
          const answers = await Promise.all(logins);

          const left = await living(answers.flatMap(({ issued }) => issued ?? []));
          expect(left).toHaveLength(3);
          for (const process of [a, b]) {
            expect((await process.sessions.list('ada')).map(({ id }) => id).sort()).toEqual(left.map(idOf).sort());
          }
          const refusals = new Set(answers.flatMap(({ code }) => code ?? []));
          const told = onMaxPerUser === 'reject' ? 'TOO_MANY_SESSIONS' : 'SESSION_ENDED';
          expect([...refusals].filter((code) => code !== told)).toEqual([]);
        },
      );

      it('ASVS 7.2.1, 7.4.1: after a logout on A the next request on B is refused', async () => {
        await start();
        for (const token of [await visitor(), await a.signIn()]) {
          expect(await lives(token)).toBe(true);
          expect((await a.run(logout, token)).issued).toBe('');
          expect((await b.run(info, token)).result).toMatchObject({ isNew: true, level: 0 });
          expect((await b.run(look, token)).result).toEqual({});
          const written = await b.run(visit, token);
          expect(written.issued).not.toBe(token);
          expect(await lives(token)).toBe(false);
        }
      });

      it.each(CARRIERS)('ASVS 7.2.4: a planted token is dead after the login, by $name', async (carrier) => {
        await start({}, carrier);
        const planted = await visitor();

        const first = await a.signIn('ada', { keep: ['cart'] }, planted);
        expect(first).not.toBe(planted);
        expect([await living([planted, first]), await b.dataOf(first)]).toEqual([[first], { cart: 1 }]);

        // Proving it once more gives a new token, too.
        const second = await b.signIn('ada', { keep: ['cart'] }, first);
        expect(await living([planted, first, second])).toEqual([second]);
        for (const old of [planted, first]) {
          const answer = await a.run(info, old);
          expect([answer.issued, answer.result]).toEqual([undefined, expect.objectContaining({ level: 0 })]);
        }
        expect((await b.run(info, second)).result).toMatchObject({ userId: 'ada' });
      });

      it('ASVS 7.3.1: unused since it began it lives until 1 ms before the idle limit', async () => {
        await start();
        const tokens = [await visitor(), await a.signIn()];
        clock.advance(IDLE - 1);
        expect(await living(tokens)).toEqual(tokens);
        clock.advance(1);
        expect(await living(tokens)).toEqual([]);
      });

      it('ASVS 7.3.1: it ends idleTimeout − touchInterval after its last request at the earliest, to the ms', async () => {
        await start();
        const token = await a.signIn();
        // 1 ms later a touch would be due.
        clock.advance(TOUCH - 1);
        await b.run(look, token);
        clock.advance(IDLE - TOUCH);
        expect(await lives(token)).toBe(true);
        clock.advance(1);
        expect(await lives(token)).toBe(false);
      });

      it('ASVS 7.3.1: it ends idleTimeout after its last request at the latest, to the ms', async () => {
        await start();
        const token = await a.signIn();
        clock.advance(TOUCH);
        await b.run(look, token);
        await touched(token);
        clock.advance(IDLE - 1);
        expect(await lives(token)).toBe(true);
        clock.advance(1);
        expect(await lives(token)).toBe(false);
      });

      it('ASVS 7.3.2: touched and written every minute, it ends at its absolute limit, to the ms', async () => {
        await start();
        const token = await a.signIn();
        for (let minute = 1; minute < ABSOLUTE / MINUTE; minute++) {
          clock.advance(MINUTE);
          const session = await a.sessions.load(token);
          await (minute % 10 === 0 ? b.run(visit, token) : session?.touch());
        }
        clock.advance(MINUTE - 1);
        expect(await lives(token)).toBe(true);
        expect((await b.run(info, token)).result).toMatchObject({ userId: 'ada' });
        clock.advance(1);
        expect(await lives(token)).toBe(false);
        expect((await b.run(info, token)).result).toMatchObject({ isNew: true, level: 0 });
      });

      it('ASVS 7.4.2: of a loop of logins nothing older survives the end of all sessions of a user', async () => {
        await start({ storeTimeout: PATIENCE });
        let isOver = false;
        const given: string[] = [];
        const strange: unknown[] = [];
        const loops = [a, b, b].map(async (process) => {
          while (!isOver) {
            const { issued, code } = await process.run(login('ada'));
            if (issued !== undefined) given.push(issued);
            else if (code !== 'SESSION_ENDED') strange.push(code);
          }
        });
        const older = new Set<string>();
        for (let round = 1; round <= 5; round++) {
          while (given.length < 4 * round) await new Promise(setImmediate);
          const before = [...given];
          await a.sessions.destroyAll('ada');
          for (const token of before) older.add(token);
          expect(await living([...older])).toEqual([]);
        }
        isOver = true;
        await Promise.all(loops);
        expect(strange).toEqual([]);

        // What is left is known: nothing lives that a further call would not end.
        const left = await living(given);
        expect((await b.sessions.list('ada')).map(({ id }) => id).sort()).toEqual(left.map(idOf).sort());
        expect(await b.sessions.destroyAll('ada')).toBe(left.length);
        expect(await living(given)).toEqual([]);
      });

      it('ASVS 7.4.3: all others of a user are ended, the own session goes on', async () => {
        await start();
        const [own, other, bob] = [await a.signIn(), await b.signIn(), await b.signIn('bob')];
        const answer = await a.run((session, sessions) => sessions.destroyAll('ada', { except: session }), own);
        expect([answer.status, answer.result]).toEqual([201, 1]);
        expect(await living([own, other, bob])).toEqual([own, bob]);
      });

      (isWhole ? it : () => undefined)('ASVS 7.4.5: everybody is signed out on A, and so on B', async () => {
        await start();
        const tokens = [await visitor(), await a.signIn(), await b.signIn('bob')];
        expect(await living(tokens)).toEqual(tokens);
        await a.sessions.clear();
        expect(await living(tokens)).toEqual([]);
        expect([await b.sessions.list('ada'), await b.sessions.list('bob')]).toEqual([[], []]);
      });

      it('ASVS 7.5.1: only a login makes it recent, on each process', async () => {
        await start();
        const act = async (process: ScriptedApp, token: string): Promise<[number, unknown]> => {
          const options = { method: 'POST', headers: HEADER.send(token) };
          const answer = await call(process.running.url, '/recent', options);
          return [answer.status, (answer.json() as { code?: unknown }).code];
        };
        const token = await a.signIn();
        clock.advance(10 * MINUTE - 1);
        await b.run(visit, token);
        await a.run((session) => session.touch(), token);
        expect(await act(b, token)).toEqual([201, undefined]);
        clock.advance(1);
        for (const process of [a, b]) expect(await act(process, token)).toEqual([401, 'RECENT_LOGIN_REQUIRED']);
        expect(await act(b, await a.signIn('ada', {}, token))).toEqual([201, undefined]);
      });

      it('ASVS 7.5.2: a user lists and ends their own sessions, and nobody else’s; the list holds no token', async () => {
        await start();
        const [laptop, phone] = [await a.signIn('ada', { label: 'laptop' }), await b.signIn('ada', { label: 'phone' })];
        const bob = await b.signIn('bob');
        const list = await b.run((_session, sessions) => sessions.list('ada'), laptop);
        expect((list.result as { id: string }[]).map(({ id }) => id).sort()).toEqual([laptop, phone].map(idOf).sort());
        for (const token of [laptop, phone, bob]) expect(list.text).not.toContain(token);
        expect(await a.sessions.destroyById('ada', idOf(bob))).toBe(false);
        expect(await a.sessions.destroyById('ada', phone)).toBe(false);
        expect(await living([laptop, phone, bob])).toEqual([laptop, phone, bob]);
        expect(await a.sessions.destroyById('ada', idOf(phone))).toBe(true);
        expect(await living([laptop, phone, bob])).toEqual([laptop, bob]);
      });

      it('ASVS 7.6.2: only what a handler does begins a session', async () => {
        await start();
        const answers = await Promise.all(Array.from({ length: 100 }, () => a.run(look)));
        expect(answers.filter(({ issued, cookies }) => issued !== undefined || cookies.length > 0)).toEqual([]);
        if (isWhole) expect(await b.sessions.count()).toBe(0);
        await a.run(visit);
        if (isWhole) expect(await b.sessions.count()).toBe(1);
      });
    },
  );
}
