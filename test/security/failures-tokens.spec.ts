import { jest } from '@jest/globals';
import { ConsoleLogger, Logger } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { type MemoryStore, type AtomicSessionStore } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { data, regenerate, ScriptedApp, type Script } from '../support/scripted.js';
import { removeFiles } from '../support/sqlite/files.js';
import { type SimpleMapStore, type CallbackMapStore } from '../support/stores.js';
import { PLACES } from './support/places.js';
import { WAYS, type Way } from './support/ways.js';

const begin: Script = (session) => void (session['cart'] = 'full');
const sha256 = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Everything that is ever handed to a store, or to its index of users. */
function spied<T extends object>(store: T): { store: T; given: unknown[] } {
  const given: unknown[] = [];
  const watch = <Watched extends object>(target: Watched): Watched =>
    new Proxy(target, {
      get(inner, key) {
        const found = Reflect.get(inner, key, inner) as unknown;
        if (key === 'users' && typeof found === 'object' && found !== null) return watch(found);
        if (typeof found !== 'function') return found;
        const call = (...args: unknown[]): unknown => {
          given.push(key, ...args);
          return (found as (...args: unknown[]) => unknown).apply(inner, args);
        };
        // By how many parameters a method declares it tells whether it takes a callback.
        return Object.defineProperty(call, 'length', { value: found.length });
      },
    });
  return { store: watch(store), given };
}

/** A session from its first write to its end, with a login and errors in between; gives the tokens that it had. */
async function wholeLife(app: ScriptedApp, clock: TestClock): Promise<string[]> {
  const first = (await app.run(begin)).issued as string;
  await app.run(data, first);
  clock.advance('10m');
  await app.run(data, first);
  const second = (await app.run(regenerate, first)).issued as string;
  await app.run(begin, first);
  const third = await app.signIn('ada', { keep: ['cart'] }, second);
  await app.run((session, sessions) => sessions.update(session, (draft) => (draft['n'] = 1)), third);
  await app.run((session) => void (session['n'] = 1n), third);
  await app.run(() => Promise.reject(new Error('of the handler')), third);
  await app.run((_session, sessions) => sessions.list('ada'), third);
  const fourth = await app.signIn('ada', {}, undefined);
  await app.run((session) => session.destroy(), third);
  await app.run(data, third);
  await app.run((_session, sessions) => sessions.destroyAll('ada'), fourth);
  const fifth = (await app.run(begin)).issued as string;
  clock.advance('24h');
  await app.run(data, fifth);
  return [first, second, third, fourth, fifth];
}

afterEach(async () => {
  await closeApps();
  removeFiles();
});

describe.each(PLATFORMS)('tokens that are taken over or shown, on %s', (platform) => {
  const start = (way: Way, store: unknown, clock = new TestClock()): Promise<ScriptedApp> =>
    ScriptedApp.start(platform, { store: store as MemoryStore, clock: clock.now }, { carrier: way });

  describe.each(PLACES)('with $title', ({ open, way }) => {
    describe('CVE-2024-38513: Fiber: an id that the client chose was adopted', () => {
      it.each(['written to', 'signed in with', 'renewed'])('CVE-2024-38513: %s, it opens nothing', async (how) => {
        const app = await start(way, open());
        const act: Script =
          how === 'written to'
            ? begin
            : how === 'renewed'
              ? regenerate
              : (session, sessions) => sessions.login(session, 'ada').then(() => undefined);
        for (const chosen of [randomBytes(32).toString('base64url'), 'A'.repeat(43), 'my-session-id', 'admin']) {
          const { issued } = await app.run(act, chosen);
          expect(issued ?? 'none').not.toBe(chosen);
          if (how !== 'renewed') expect(issued).toMatch(/^[\w-]{43}$/);
          expect((await app.run(data, chosen)).result).toEqual({});
          expect(await app.opening(chosen)).toEqual([false]);
        }
      });
    });

    describe('H16: express-token-session: the token `constructor` crashed the process', () => {
      it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'then', 'length', 'prototype'])(
        'H16: %s is none, and all goes on',
        async (name) => {
          const app = await start(way, open());
          const living = (await app.run(begin)).issued as string;
          for (const script of [data, begin, (session: Parameters<Script>[0]) => session.destroy()]) {
            const answer = await app.run(script, name);
            expect(answer.status).toBe(201);
            expect(answer.issued).not.toBe(name);
          }
          expect(await app.sessions.load(name)).toBeUndefined();
          expect((await app.run(data, living)).result).toEqual({ cart: 'full' });
        },
      );
    });

    describe('CVE-2019-16782: Rack and Rails: ids were looked up as they are, so that time told how near one was', () => {
      it('CVE-2019-16782: a store is asked for SHA-256 only', async () => {
        const { store, given } = spied(open() as AtomicSessionStore | SimpleMapStore | CallbackMapStore);
        const clock = new TestClock();
        const app = await start(way, store, clock);
        const tokens = await wholeLife(app, clock);
        const all = inspect(given, { depth: Infinity, maxArrayLength: null, maxStringLength: null, showHidden: true });
        expect(new Set(tokens).size).toBe(5);
        for (const token of tokens) {
          expect(all).toContain(sha256(token));
          expect(all).not.toContain(token);
          // Not a part either that would be worth guessing on from.
          for (const part of [token.slice(0, 12), token.slice(-12)]) expect(all).not.toContain(part);
          expect(all).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
        }
      });

      it('CVE-2019-16782: what stands in the store is no token', async () => {
        const app = await start(way, open());
        const token = await app.signIn();
        const id = sha256(token);
        expect((await app.sessions.list('ada')).map((session) => session.id)).toEqual([id]);
        const answer = await app.run((_session, sessions) => sessions.info(_session), id);
        expect(answer.result).toEqual(expect.not.objectContaining({ userId: 'ada' }));
        expect(await app.opening(id, token)).toEqual([false, true]);
      });
    });
  });

  describe('CVE-2023-20866: Spring: session ids were printed to stdout', () => {
    it.each(WAYS.map((way) => [way.title, way] as const))(
      'CVE-2023-20866: nothing that is printed holds a token: %s',
      async (_title, way) => {
        const printed: string[] = [];
        const take = (chunk: unknown): boolean => printed.push(String(chunk)) > 0;
        const spies = [process.stdout, process.stderr].map((stream) =>
          jest.spyOn(stream, 'write').mockImplementation(take),
        );
        for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
          spies.push(
            jest.spyOn(console, method).mockImplementation((...args: unknown[]) => void take(inspect(args))) as never,
          );
        }
        try {
          const clock = new TestClock();
          // As an application has it: the logger of Nest, which prints all levels.
          const app = await ScriptedApp.start(
            platform,
            { clock: clock.now, logger: new Logger('Session') },
            { carrier: way, prepare: (nest) => nest.useLogger(new ConsoleLogger({ logLevels: ['verbose'] })) },
          );
          const tokens = await wholeLife(app, clock);
          await app.run(data, `${tokens[0] as string}x`);
          const all = printed.join('');
          expect(all).toMatch(/input_validation_fail/);
          for (const token of tokens) expect(all).not.toContain(token);
        } finally {
          for (const spy of spies) spy.mockRestore();
          Logger.overrideLogger(false);
        }
      },
    );
  });
});
