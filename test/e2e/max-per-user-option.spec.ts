import { SessionConfigError, type AtomicSessionStore, type SessionOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { COOKIE } from '../support/carriers.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { info, login, ScriptedApp } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';

type Mode = NonNullable<SessionOptions['onMaxPerUser']>;

afterEach(closeApps);

describe.each(PLATFORMS)('the option maxPerUser on %s (ASVS 7.1.2)', (platform) => {
  it('ASVS 16.3.1: reaching the limit is an event, with the user and without a token', async () => {
    const clock = new TestClock();
    for (const onMaxPerUser of ['evict', 'reject'] satisfies Mode[]) {
      const session = { clock: clock.now, maxPerUser: 1, onMaxPerUser };
      const app = await ScriptedApp.start(platform, session, { carrier: COOKIE });
      const { id } = (await app.run(info, await app.signIn())).result as { id: string };
      clock.advance(60_000);
      const events = collectEvents(app.running);
      const answer = await app.run(login('ada'));
      const { id: next } = (answer.result ?? {}) as { id?: string };
      expect(events).toEqual(
        onMaxPerUser === 'reject'
          ? [{ type: 'authn_login_fail', userId: 'ada', reason: expect.stringContaining('1 sessions already') }]
          : [
              { type: 'session_evicted', id, userId: 'ada', reason: expect.stringContaining('maxPerUser') },
              { type: 'session_created', id: next, userId: 'ada' },
              { type: 'authn_login_success', id: next, userId: 'ada' },
            ],
      );
    }
  });

  it('law 3: without a limit a login looks at no other session; in a full account it looks at each once', async () => {
    const store = new ProbedStore();
    const free = await ScriptedApp.start(platform, { store });
    for (let times = 0; times < 3; times++) await free.signIn();
    store.calls.length = 0;
    await free.signIn();
    expect(store.calls).toEqual(['users.add', 'create', 'users.settle']);
    const full = await ScriptedApp.start(platform, { store, maxPerUser: 4 });
    store.calls.length = 0;
    await full.signIn();
    expect(store.calls).toEqual([
      ...['users.add', 'users.list', 'load', 'load', 'load', 'load'],
      ...['users.add', 'destroy', 'users.remove', 'create', 'users.settle'],
    ]);
  });

  it('law 6: a login that is evicted while it is on its way fails, and leaves nothing', async () => {
    const store = new ProbedStore();
    const app = await ScriptedApp.start(platform, { store, maxPerUser: 1 });
    const storing = new Barrier();
    let created = 0;
    store.before = (operation) => (operation === 'create' && ++created === 1 ? storing.pass() : undefined);
    const slow = app.run(login('ada'));
    await storing.arrived;
    const fast = await app.signIn();
    storing.open();
    const answer = await slow;
    expect([answer.status, answer.code, answer.issued]).toEqual([401, 'SESSION_ENDED', undefined]);
    expect([await app.opening(fast), store.count()]).toEqual([[true], 1]);
    expect(await app.sessions.list('ada')).toHaveLength(1);
  });

  it('the default is any number', async () => {
    const app = await ScriptedApp.start(platform);
    for (let times = 0; times < 20; times++) await app.signIn();
    expect(await app.sessions.list('ada')).toHaveLength(20);
  });

  describe('at boot', () => {
    const bootError = async (session: SessionOptions): Promise<unknown> =>
      ScriptedApp.start(platform, session).then(
        () => undefined,
        (error: unknown) => error,
      );
    const expectRefusal = (error: unknown, name: string, takes: RegExp): void => {
      expect(error).toBeInstanceOf(SessionConfigError);
      expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(name) });
      expect(error).toMatchObject({ message: expect.stringMatching(takes) });
    };

    it.each([0, -1, 1.5, NaN, Infinity, '3', null, true])('maxPerUser: %p is refused by name', async (given) => {
      expectRefusal(await bootError({ maxPerUser: given as number }), 'maxPerUser', /whole number of at least 1/);
    });

    it.each(['oldest', '', null, true])('onMaxPerUser: %p is refused by name', async (given) => {
      expectRefusal(await bootError({ onMaxPerUser: given as Mode }), 'onMaxPerUser', /'evict' or 'reject'/);
    });

    it('maxPerUser with a store without an index of users is refused, with the remedy', async () => {
      const store: AtomicSessionStore = {
        load: () => undefined,
        create: () => true,
        update: () => ({ status: 'missing' }),
        touch: () => false,
        destroy: () => undefined,
      };
      expectRefusal(await bootError({ store, maxPerUser: 3 }), 'maxPerUser', /`users`/);
      expect(await bootError({ store })).toBeUndefined();
    });
  });
});
