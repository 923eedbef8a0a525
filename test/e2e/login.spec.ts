import { createHash } from 'node:crypto';
import type { SessionOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { data, info, login, pairsOf, refusalOf, ScriptedApp, type Script } from '../support/scripted.js';

const MINUTE = 60_000;

/** A visitor's request: two things in an anonymous session. */
const visit: Script = (session) => void Object.assign(session, { cart: ['tea'], draft: 'secret' });

const idOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(PLATFORMS)('login on %s', (platform) => {
  describe.each(pairsOf(platform))('with $store by $carrier.name', ({ build, carrier }) => {
    let clock: TestClock;
    let app: ScriptedApp;

    beforeEach(async () => {
      clock = new TestClock();
      const store = build() as NonNullable<SessionOptions['store']>;
      app = await ScriptedApp.start(platform, { store, clock: clock.now }, { carrier });
    });

    const visitor = async (): Promise<string> => (await app.run(visit)).issued as string;

    it('law 7, ASVS 7.2.4: gives a new token and id; the old token opens nothing any more', async () => {
      const old = await visitor();
      const answer = await app.run(login('ada'), old);
      const token = answer.issued as string;
      expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store']);
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(token).not.toBe(old);
      expect(answer.result).toEqual({ id: idOf(token), data: {} });
      expect((await app.run(info, token)).result).toMatchObject({ id: idOf(token), userId: 'ada', level: 1 });
      expect(await app.opening(old, token)).toEqual([false, true]);
    });

    it('R61b, H24: what comes with the old token is anonymous, and its answer neither sets nor clears a token', async () => {
      const old = await visitor();
      await app.run(login('ada'), old);
      const read = await app.run(info, old);
      expect(read.result).toMatchObject({ isNew: true, level: 0 });
      expect(read.result).not.toHaveProperty('userId');
      const written = await app.run(visit, old);
      expect([read.issued, written.status, written.code, written.issued]).toEqual([
        undefined,
        401,
        'SESSION_ENDED',
        undefined,
      ]);
    });

    it('fixation: a planted anonymous token is worth nothing after the victim has signed in by it', async () => {
      const planted = (await app.run((session) => void (session['isAdmin'] = true))).issued as string;
      const victim = await app.signIn('ada', {}, planted);
      expect(await app.dataOf(victim)).toEqual({});
      for (const later of [0, MINUTE, 10 * MINUTE]) {
        clock.advance(later);
        expect((await app.run(info, planted)).result).toMatchObject({ isNew: true, level: 0 });
        expect(await app.opening(planted, victim)).toEqual([false, true]);
      }
      const adopted = await app.run(visit, planted);
      expect([planted, victim]).not.toContain(adopted.issued);
      expect((await app.run(info, adopted.issued)).result).not.toHaveProperty('userId');
    });

    it('law 1, fixation: a planted token that nobody issued is never adopted', async () => {
      const planted = 'A'.repeat(43);
      const token = await app.signIn('ada', {}, planted);
      expect(token).not.toBe(planted);
      expect(await app.opening(planted, token)).toEqual([false, true]);
    });

    it('law 7: data moves along only by name, also what this request has just assigned', async () => {
      const answer = await app.run(
        async (session, sessions) => {
          session['just'] = 'now';
          return login('ada', { keep: ['cart', 'just', 'missing'] })(session, sessions);
        },
        await visitor(),
      );
      expect(answer.result).toMatchObject({ data: { cart: ['tea'], just: 'now' } });
      expect(await app.dataOf(answer.issued as string)).toEqual({ cart: ['tea'], just: 'now' });
    });

    it('law 7: what moves along is a copy, and what is assigned after the login is stored with it', async () => {
      const answer = await app.run(
        async (session, sessions) => {
          const cart = session['cart'] as string[];
          const next = await sessions.login(session, 'ada', { keep: ['cart'] });
          cart.push('not for ada');
          next['greeted'] = true;
        },
        await visitor(),
      );
      expect(await app.dataOf(answer.issued as string)).toEqual({ cart: ['tea'], greeted: true });
    });

    it.each(['ada', 'bob'])(
      'law 7: ada who signs in once more as %s has one session, and no old data',
      async (user) => {
        const first = await app.signIn('ada', { label: 'first', level: 2 });
        await app.run(visit, first);
        const second = await app.signIn(user, {}, first);
        expect(await app.opening(first, second)).toEqual([false, true]);
        expect((await app.run(info, second)).result).toMatchObject({ userId: user, level: 1 });
        expect((await app.run(info, second)).result).not.toHaveProperty('label');
        expect(await app.dataOf(second)).toEqual({});
        const listed = [...(await app.sessions.list('ada')), ...(await app.sessions.list('bob'))];
        expect(listed.map(({ id, userId }) => [id, userId])).toEqual([[idOf(second), user]]);
      },
    );

    it('law 7: twice in one request leaves the last session only', async () => {
      const answer = await app.run(
        async (session, sessions) => {
          const bob = await sessions.login(session, 'bob', { keep: ['cart'] });
          const between = sessions.info(bob).token;
          await sessions.login(bob, 'ada', { keep: ['cart'] });
          return between;
        },
        await visitor(),
      );
      expect(await app.opening(answer.result as string, answer.issued as string)).toEqual([false, true]);
      expect([await app.sessions.list('bob'), await app.sessions.list('ada')]).toMatchObject([[], [{ userId: 'ada' }]]);
      expect(await app.dataOf(answer.issued as string)).toEqual({ cart: ['tea'] });
    });

    it('law 7: twice by the same handle is refused, and the first login stands', async () => {
      const answer = await app.run(async (session, sessions) => {
        await sessions.login(session, 'ada');
        return refusalOf(sessions.login(session, 'bob'));
      });
      expect(answer.result).toMatchObject({ code: 'SESSION_REPLACED' });
      expect((await app.run(info, answer.issued)).result).toMatchObject({ userId: 'ada' });
      expect(await app.sessions.list('bob')).toEqual([]);
    });

    it('law 7: on a session that this request has destroyed it starts afresh', async () => {
      const old = await visitor();
      const answer = await app.run(async (session, sessions) => {
        await session.destroy();
        return login('ada', { keep: ['cart'] })(session, sessions);
      }, old);
      expect(answer.issued).toMatch(/^[\w-]{43}$/);
      expect(await app.dataOf(answer.issued as string)).toEqual({});
      expect(await app.opening(old)).toEqual([false]);
    });

    it.each<[string, (token: string) => Promise<unknown>]>([
      ['another request has destroyed', async (token) => (await app.sessions.load(token))?.destroy()],
      ['has run out', async () => clock.advance(30 * MINUTE)],
      [
        'another request has rotated',
        async (token) => (await app.sessions.load(token))?.regenerate({ keep: ['cart'] }),
      ],
    ])('law 7: by the token of a session that %s it starts afresh', async (_how, end) => {
      const old = await visitor();
      await end(old);
      const answer = await app.run(login('ada', { keep: ['cart'] }), old);
      expect(answer.status).toBe(201);
      expect(await app.opening(old, answer.issued as string)).toEqual([false, true]);
      expect(await app.dataOf(answer.issued as string)).toEqual({});
    });

    it('law 6, law 7: on a session that ends while the request runs it starts afresh too', async () => {
      const old = await visitor();
      const answer = await app.run(async (session, sessions) => {
        await (await sessions.load(old))?.destroy();
        return login('ada', { keep: ['cart'] })(session, sessions);
      }, old);
      expect(answer.status).toBe(201);
      expect(await app.dataOf(answer.issued as string)).toEqual({});
    });

    it('law 7: an exception after it changes nothing: the client gets the new token', async () => {
      const old = await visitor();
      const answer = await app.run(async (session, sessions) => {
        await sessions.login(session, 'ada');
        throw new Error('after the login');
      }, old);
      expect(answer.status).toBe(500);
      expect(await app.opening(old, answer.issued as string)).toEqual([false, true]);
    });

    it('law 4: one that nobody waits for is carried out before the answer', async () => {
      const old = await visitor();
      const answer = await app.run((session, sessions) => void sessions.login(session, 'ada'), old);
      expect((await app.run(info, answer.issued)).result).toMatchObject({ userId: 'ada' });
      expect(await app.opening(old)).toEqual([false]);
    });

    it('works on a session of SessionService.load, outside of a request', async () => {
      const old = await visitor();
      const loaded = await app.sessions.load<{ cart: string[] }>(old);
      const next = await app.sessions.login(loaded as NonNullable<typeof loaded>, 'ada', { keep: ['cart'] });
      const { token, userId } = app.sessions.info(next);
      expect([userId, { ...next }]).toEqual(['ada', { cart: ['tea'] }]);
      expect((await app.run(data, token)).result).toEqual({ cart: ['tea'] });
      expect(await app.opening(old)).toEqual([false]);
    });

    it('ASVS 16.3.1: is told as events, which hold no token', async () => {
      const old = await visitor();
      const events = collectEvents(app.running);
      const token = await app.signIn('ada', {}, old);
      const id = idOf(token);
      expect(events).toEqual([
        { type: 'session_created', id, userId: 'ada' },
        { type: 'session_renewed', id, previousId: idOf(old), userId: 'ada' },
        { type: 'authn_login_success', id, userId: 'ada' },
      ]);
    });
  });
});
