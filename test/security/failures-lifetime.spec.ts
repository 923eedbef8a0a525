import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { data, info, regenerate, ScriptedApp, type Script } from '../support/scripted.js';
import { removeFiles } from '../support/sqlite/files.js';
import { PLACES } from './support/places.js';

const begin: Script = (session) => void (session['cart'] = 'full');
/** A use whose mark has reached the store: touches of requests run beside them. */
const used: Script = async (session, sessions) => {
  await session.touch();
  return sessions.info(session);
};
const logout: Script = (session) => session.destroy();

afterEach(closeApps);
afterEach(removeFiles);

describe.each(PLATFORMS)('sessions that live longer than they should, on %s', (platform) => {
  describe.each(PLACES)('with $title', ({ open, way }) => {
    let clock: TestClock;
    let app: ScriptedApp;

    beforeEach(async () => {
      clock = new TestClock();
      app = await ScriptedApp.start(platform, { store: open(), clock: clock.now }, { carrier: way });
    });

    describe('CVE-2024-35220: @fastify/session: the expiry of a stored session was overridden when it was restored', () => {
      it('CVE-2024-35220: limits of its own end a session, however often it is restored', async () => {
        const token = await app.signIn('ada', { idleTimeout: '5m', absoluteTimeout: '12m' });
        const end = clock.now() + 12 * 60_000;
        for (let restored = 0; restored < 2; restored++) {
          clock.advance('4m');
          const answer = await app.run(used, token);
          expect(answer.result).toMatchObject({ userId: 'ada', absoluteExpiresAt: end });
          expect(answer.issued).toBeUndefined();
        }
        clock.advance(4 * 60_000 - 1);
        expect(await app.opening(token)).toEqual([true]);
        clock.advance(1);
        expect((await app.run(info, token)).result).toEqual(expect.not.objectContaining({ userId: 'ada' }));
        expect(await app.opening(token)).toEqual([false]);
      });

      it('CVE-2024-35220: what has ended is not restored, even where the store still has it', async () => {
        const token = (await app.run(begin)).issued as string;
        clock.advance('30m');
        const answer = await app.run(data, token);
        expect([answer.result, answer.issued]).toEqual([{}, undefined]);
        expect((await app.run(begin, token)).issued).not.toBe(token);
        expect(await app.opening(token)).toEqual([false]);
      });
    });

    describe('ASVS 7.2.4: @fastify/session: regenerate kept the old session', () => {
      it('ASVS 7.2.4: the old token opens nothing, and what it named is no longer stored', async () => {
        const old = (await app.run(begin)).issued as string;
        const renewed = (await app.run(regenerate, old)).issued as string;
        expect(renewed).not.toBe(old);
        expect((await app.run(data, old)).result).toEqual({});
        expect(await app.opening(old, renewed)).toEqual([false, true]);
        // The mark of the old token is gone after a minute.
        clock.advance('1m');
        expect(await app.opening(old, renewed)).toEqual([false, true]);
        expect((await app.run(begin, old)).issued).not.toBe(old);
      });
    });

    describe('CVE-2024-31999: secure-session: a deleted cookie could be used for ever', () => {
      it('CVE-2024-31999: a client that keeps its token after the logout has nothing, now or later', async () => {
        const token = (await app.run(begin)).issued as string;
        expect((await app.run(logout, token)).issued).toBe('');
        for (const later of [0, '1m', '25m', '11h', '24h'] as const) {
          clock.advance(later);
          const read = await app.run(data, token);
          expect([read.result, read.issued]).toEqual([{}, undefined]);
          const written = await app.run(begin, token);
          expect(written.issued).not.toBe(token);
          expect(await app.opening(token)).toEqual([false]);
        }
      });
    });

    describe('CVE-2025-46336: Rack: a slow request brought a session back after the logout', () => {
      const SLOW: [string, Script][] = [
        ['a change', (session) => void (session['cart'] = 'fuller')],
        ['a save', (session) => Object.assign(session, { cart: 'fuller' }).save()],
        ['an update', (session, sessions) => sessions.update(session, (draft) => (draft['cart'] = 'fuller'))],
        ['a touch', (session) => session.touch()],
        ['a new token', regenerate],
        ['a read', data],
      ];

      it.each(SLOW)('CVE-2025-46336: %s that began before it', async (_what, act) => {
        const token = (await app.run(begin)).issued as string;
        const loaded = new Barrier();
        const slow = app.run(async (session, sessions) => {
          expect(session['cart']).toBe('full');
          await loaded.pass();
          return act(session, sessions);
        }, token);
        await loaded.arrived;
        expect((await app.run(logout, token)).status).toBe(201);
        loaded.open();
        expect((await slow).issued ?? '').toBe('');
        expect(await app.opening(token)).toEqual([false]);
        expect((await app.run(data, token)).result).toEqual({});
      });
    });
  });
});
