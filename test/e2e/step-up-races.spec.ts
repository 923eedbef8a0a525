import { SessionService, type Session } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { slow, StepUpController } from '../support/step-up.controller.js';
import { ProbedStore } from '../support/stores.js';

const DATA = { cart: 1, nested: { a: [{ b: 'c' }] } };
const ENDED = {
  statusCode: 401,
  error: 'Unauthorized',
  code: 'SESSION_ENDED',
  message: 'The session has ended. Sign in again.',
};

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('reauthenticate beside other requests on %s', (platform) => {
  let clock: TestClock;
  let store: ProbedStore;
  let running: RunningApp;
  let sessions: SessionService;
  let token: string;

  beforeEach(async () => {
    slow.until = undefined;
    clock = new TestClock();
    store = new ProbedStore();
    running = await startApp(platform, { controllers: [StepUpController], session: { store, clock: clock.now } });
    sessions = running.get(SessionService);
    token = (await post('/login')).token as string;
  });

  const post = (path: string, given?: string, body: unknown = {}): Promise<Answer> =>
    call(running.url, path, { method: 'POST', token: given, body });
  const dataOf = async (given: string | undefined): Promise<unknown> =>
    (await call(running.url, '/data', { token: given })).json();

  /** Holds a step-up with its session loaded while others act, then lets it go on. */
  async function stepUpAround(others: () => Promise<unknown>): Promise<Answer> {
    const barrier = (slow.until = new Barrier());
    const stepUp = post('/reauthenticate', token, { level: 2 });
    await barrier.arrived;
    slow.until = undefined;
    await others();
    barrier.open();
    return stepUp;
  }

  /** The same, held at its first call of an operation of the store; by default where the old record is to end. */
  async function stepUpInTwoSteps(others: () => Promise<unknown>, held = 'update'): Promise<Answer> {
    const barrier = new Barrier();
    let calls = 0;
    store.before = (operation) => (operation === held && calls++ === 0 ? barrier.pass() : undefined);
    const stepUp = post('/reauthenticate', token, { level: 2 });
    await barrier.arrived;
    await others();
    barrier.open();
    return stepUp;
  }

  /** A logout that has loaded its session; goes on when it is called. */
  async function logoutUnderWay(): Promise<() => Promise<Answer>> {
    const barrier = (slow.until = new Barrier());
    const logout = post('/destroy', token);
    await barrier.arrived;
    slow.until = undefined;
    return () => {
      barrier.open();
      return logout;
    };
  }

  describe.each([
    ['before it begins', stepUpAround],
    ['between its two steps', stepUpInTwoSteps],
  ])('a save of another request %s', (_when, around) => {
    const saved = async (answer: Promise<Answer>): Promise<void> => expect((await answer).status).toBeLessThan(300);

    it.each([
      ['changes a key', { cart: 2 }, { ...DATA, cart: 2 }],
      ['adds a key', { late: { b: 1 } }, { ...DATA, late: { b: 1 } }],
      ['changes and adds', { cart: 2, late: true }, { ...DATA, cart: 2, late: true }],
    ])('law 5, R60: is not lost when it %s', async (_what, change, expected) => {
      const next = await around(() => saved(post('/assign', token, change)));
      expect(next.status).toBe(201);
      expect(await dataOf(next.token)).toEqual(expected);
      expect(sessions.info((await sessions.load(next.token as string)) as Session)).toMatchObject({
        userId: 'ada',
        level: 2,
      });
    });

    it('law 5, R60: is not lost when it deletes a key', async () => {
      const next = await around(() => saved(call(running.url, '/data/cart', { method: 'DELETE', token })));
      expect([next.status, await dataOf(next.token)]).toEqual([201, { nested: DATA.nested }]);
    });

    it('law 5: of several of them none is lost', async () => {
      const next = await around(async () => {
        for (const key of ['a', 'b', 'c']) await saved(post('/assign', token, { [key]: 1 }));
      });
      expect(await dataOf(next.token)).toEqual({ ...DATA, a: 1, b: 1, c: 1 });
    });
  });

  it.each([
    ['a logout', () => post('/destroy', token)],
    ['destroyById', async () => sessions.destroyById('ada', (await sessions.list('ada'))[0]?.id ?? '')],
    ['destroyAll', () => sessions.destroyAll('ada')],
    ['clear', () => sessions.clear()],
    ['the absolute limit', async () => clock.advance(12 * 3_600_000)],
    ['another step-up', () => post('/reauthenticate', token)],
    ['a regenerate', () => post('/regenerate', token)],
    ['a login', () => post('/login', token)],
  ])('law 7: a session ended by %s meanwhile is not brought back: 401 SESSION_ENDED, no token', async (_end, end) => {
    const before = (await sessions.list('ada')).length;
    const refused = await stepUpAround(end);
    expect([refused.status, refused.json(), refused.token]).toEqual([401, ENDED, undefined]);
    const left = await sessions.list('ada');
    expect(left.length).toBeLessThanOrEqual(before);
    for (const { level } of left) expect(level).toBe(1);
    expect(store.count() - left.length).toBeLessThanOrEqual(1);
  });

  describe.each(['users.add', 'create', 'update', 'users.settle'])('law 6: ended in the middle, at its %s', (held) => {
    const expectEnded = async (refused: Answer): Promise<void> => {
      expect([refused.status, refused.json(), refused.token]).toEqual([401, ENDED, undefined]);
      expect([await sessions.list('ada'), await dataOf(token)]).toEqual([[], {}]);
      // Of a tombstone nothing is left after a minute.
      clock.advance(60_000);
      expect(store.count()).toBe(0);
    };

    it('by destroyAll: 401 SESSION_ENDED, no token, and neither session lives on', async () => {
      await expectEnded(await stepUpInTwoSteps(() => sessions.destroyAll('ada'), held));
    });

    it('R58: by a logout that was under way: the same', async () => {
      const logout = await logoutUnderWay();
      await expectEnded(await stepUpInTwoSteps(logout, held));
    });
  });

  it('R58: a logout that was on its way ends the session under its new token too', async () => {
    const logout = await logoutUnderWay();
    const next = (await post('/reauthenticate', token)).token as string;
    expect(await dataOf(next)).toEqual(DATA);
    expect((await logout()).status).toBe(201);
    expect([await dataOf(next), await sessions.list('ada')]).toEqual([{}, []]);
  });

  it.each([2, 5])('R61: of %d at once one succeeds, and one session is left', async (count) => {
    const barrier = (slow.until = new Barrier(count));
    const requests = Array.from({ length: count }, () => post('/reauthenticate', token, { level: 2 }));
    await barrier.arrived;
    barrier.open();
    const answers = await Promise.all(requests);
    const [won, ...more] = answers.filter(({ status }) => status === 201);
    expect(more).toEqual([]);
    for (const lost of answers.filter((answer) => answer !== won)) {
      expect([lost.status, lost.json(), lost.token]).toEqual([401, ENDED, undefined]);
    }
    expect(await dataOf(won?.token)).toEqual(DATA);
    expect(await sessions.list('ada')).toMatchObject([{ level: 2 }]);
  });

  it.each(['users.add', 'create', 'update'])(
    'law 9: when %s fails: 503, no token, the old session goes on at its old level, and no other is left',
    async (operation) => {
      store.before = (current) => {
        if (current === operation) throw new Error('connection lost');
      };
      const refused = await post('/reauthenticate', token, { level: 2 });
      expect([refused.status, refused.token]).toEqual([503, undefined]);
      expect(refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      store.before = undefined;
      expect(await dataOf(token)).toEqual(DATA);
      expect([await sessions.list('ada'), store.count()]).toMatchObject([[{ level: 1 }], 1]);
    },
  );

  it('law 9: when only the last step fails, which settles the entry: 503, no token, and neither session lives on', async () => {
    store.before = (operation) => {
      if (operation === 'users.settle') throw new Error('connection lost');
    };
    const refused = await post('/reauthenticate', token, { level: 2 });
    expect([refused.status, refused.token]).toEqual([503, undefined]);
    store.before = undefined;
    expect([await dataOf(token), await sessions.list('ada')]).toEqual([{}, []]);
    clock.advance(60_000);
    expect(store.count()).toBe(0);
  });

  it('law 4: when no token can be sent any more it is refused, and the session goes on', async () => {
    const answer = await post('/answered', token);
    expect(answer.text).toBe('begun ALREADY_ANSWERED');
    expect(await dataOf(token)).toEqual(DATA);
  });

  it('R63: after destroy() in the same request it is a clear error, and nothing lives', async () => {
    const answer = await post('/destroyed', token);
    expect([answer.text, answer.token, store.count()]).toEqual(['SESSION_DESTROYED', '', 0]);
  });
});
