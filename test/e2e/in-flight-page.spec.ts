import { closeApps } from '../support/app.js';
import { TestClock } from '../support/clock.js';
import { answered, DONE, ENDED, Flight, RENEWED, TOO_MANY, WAYS, type OperationName } from '../support/flight.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

/** What a page asks for at once: reads and writes. */
const PAGE = ['read', 'write', 'read', 'save', 'read', 'update'] as const satisfies OperationName[];

const MINUTE = 60_000;

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(WAYS)('a page around a login on $platform by $carrier.name', ({ platform, carrier, createStore }) => {
  const clock = new TestClock();
  const start = (options: object = {}): Promise<Flight> =>
    Flight.start(platform, carrier, { store: createStore(), clock: clock.now, ...options });

  it('law 7, R61b: requests in flight, and those still to come, neither set nor clear a token', async () => {
    const flight = await start();
    const token = await flight.visit();
    const page = await flight.takeOff(PAGE, token);
    const login = await flight.run('login', token);
    expect(login).toEqual(RENEWED);
    const seen = answered({ cart: 'full' });
    expect(await page.land()).toEqual([seen, ENDED, seen, ENDED, seen, ENDED]);
    const late = await Promise.all(PAGE.map((operation) => flight.run(operation, token)));
    expect(late).toEqual([answered({}), ENDED, answered({}), ENDED, answered({}), ENDED]);
    expect(await flight.dataOf(login.token)).toEqual({ cart: 'full' });
    expect(await flight.run('write', login.token)).toEqual(DONE);
    expect(await flight.opening(token, login.token)).toEqual([false, true]);
  });

  it('law 7, R61b: the same when all go on at once with the login: it is the only one that sends a token', async () => {
    const flight = await start();
    const page = await flight.takeOff([...PAGE, 'login'], await flight.visit());
    const answers = await page.land();
    const login = answers.pop();
    expect(login).toEqual(RENEWED);
    for (const [index, answer] of answers.entries()) {
      if (index % 2 === 0) expect(answer).toEqual(answered({ cart: 'full' }));
      else expect([DONE, ENDED]).toContainEqual(answer);
    }
    expect(await flight.opening(login?.token)).toEqual([true]);
  });

  it('law 7, R61b: a logout among them ends what it was sent for, not the login, and clears no token', async () => {
    const flight = await start();
    const token = await flight.visit();
    const page = await flight.takeOff(['logout', 'write'], token);
    const login = await flight.run('login', token);
    expect(await page.land()).toEqual([DONE, ENDED]);
    expect(await flight.opening(login.token)).toEqual([true]);
  });

  it('law 7, R61b: after such a logout the old token still begins no session: that would sign the user out', async () => {
    const flight = await start();
    const token = await flight.visit();
    const page = await flight.takeOff(['logout'], token);
    const login = await flight.run('login', token);
    await page.land();
    expect(await flight.run('write', token)).toEqual(ENDED);
    expect(await flight.run('read', token)).toEqual(answered({}));
    expect(await flight.opening(login.token)).toEqual([true]);
  });

  describe('H24: the old token', () => {
    it.each<[OperationName, boolean]>([
      ['login', false],
      ['login', true],
      ['regenerate', true],
      ['reauthenticate', true],
    ])('after %s (bound: %p) is anonymous for a minute, and unknown from then on', async (operation, isBound) => {
      const flight = await start();
      const visit = await flight.visit();
      const token = isBound ? await flight.signIn(visit) : visit;
      const next = (await flight.run(operation, token)).token;
      for (const wait of [0, MINUTE / 2, MINUTE / 2 - 1]) {
        clock.advance(wait);
        expect(await flight.run('read', token)).toEqual(answered({}));
        expect(await flight.run('touch', token)).toEqual(ENDED);
        expect(await flight.run('write', token)).toEqual(ENDED);
        expect(await flight.run('reauthenticate', token)).toEqual(ENDED);
        // Not acknowledged: the session goes on under a token that this client does not name.
        expect(await flight.run('logout', token)).toEqual(ENDED);
        expect(await flight.opening(token, next)).toEqual([false, true]);
      }
      clock.advance(1);
      expect(await flight.run('read', token)).toEqual(answered({}));
      expect(await flight.run('logout', token)).toEqual(DONE);
      const begun = await flight.run('write', token);
      expect(begun).toEqual(RENEWED);
      expect([token, next]).not.toContain(begun.token);
      expect(await flight.opening(token, next)).toEqual([false, true]);
    });

    it('within the minute starts a login afresh, with no data and under a token of its own', async () => {
      const flight = await start();
      const token = await flight.visit();
      const first = await flight.run('login', token);
      clock.advance(MINUTE - 1);
      const second = await flight.run('login', token);
      expect(second).toEqual(RENEWED);
      expect(await flight.dataOf(second.token)).toEqual({});
      expect(await flight.opening(token, first.token, second.token)).toEqual([false, true, true]);
    });

    it('of a session that was signed out is unknown at once', async () => {
      const flight = await start();
      const token = await flight.signIn();
      await flight.run('logout', token);
      expect(await flight.run('read', token)).toEqual(answered({}));
      expect(await flight.run('write', token)).toEqual(RENEWED);
    });
  });

  describe('R61: a double-clicked sign-in', () => {
    it('succeeds twice: two sessions, each with a token that works; the old one opens nothing', async () => {
      const flight = await start();
      const token = await flight.visit();
      const clicks = await flight.takeOff(['login', 'login'], token);
      const [first, second] = await clicks.land();
      expect([first, second]).toEqual([RENEWED, RENEWED]);
      expect(first?.token).not.toBe(second?.token);
      expect(await flight.opening(token, first?.token, second?.token)).toEqual([false, true, true]);
      for (const click of [first, second]) expect(await flight.dataOf(click?.token)).toEqual({ cart: 'full' });
    });

    it('succeeds twice without a token before, too', async () => {
      const flight = await start();
      const [first, second] = await (await flight.takeOff(['login', 'login'])).land();
      expect([first, second]).toEqual([RENEWED, RENEWED]);
      expect(await flight.opening(first?.token, second?.token)).toEqual([true, true]);
    });

    it("maxPerUser: 1, 'evict': at least one succeeds, and exactly one session is left, whose token was sent", async () => {
      const flight = await start({ maxPerUser: 1 });
      const answers = await (await flight.takeOff(['login', 'login'], await flight.visit())).land();
      for (const answer of answers) expect(answer).toEqual(answer.status === 201 ? RENEWED : ENDED);
      const opening = await flight.opening(...answers.map(({ token }) => token));
      expect(opening.filter(Boolean)).toHaveLength(1);
      expect(await flight.sessions.list('ada')).toHaveLength(1);
    });

    it("maxPerUser: 1, 'reject': one succeeds, the other is refused and clears nothing", async () => {
      const flight = await start({ maxPerUser: 1, onMaxPerUser: 'reject' });
      const answers = await (await flight.takeOff(['login', 'login'], await flight.visit())).land();
      expect(answers).toEqual(expect.arrayContaining([RENEWED, TOO_MANY]));
      expect((await flight.opening(...answers.map(({ token }) => token))).filter(Boolean)).toHaveLength(1);
    });

    it.each([
      ['an anonymous session', false, 'evict'],
      ['an anonymous session', false, 'reject'],
      ["the user's own session", true, 'evict'],
      ["the user's own session", true, 'reject'],
    ])(
      'ASVS 7.1.2: ten logins at once over %s (bound: %p, %s) leave maxPerUser sessions',
      async (_what, isBound, how) => {
        const flight = await start({ maxPerUser: 3, onMaxPerUser: how });
        const token = isBound ? await flight.signIn() : await flight.visit();
        const clicks = await flight.takeOff(Array<OperationName>(10).fill('login'), token);
        const answers = await clicks.land();
        for (const answer of answers) {
          expect(answer).toEqual(answer.status === 201 ? RENEWED : how === 'reject' ? TOO_MANY : ENDED);
        }
        const opening = await flight.opening(...answers.map((answer) => answer.token));
        expect(opening.filter(Boolean)).toHaveLength(3);
        expect(await flight.sessions.list('ada')).toHaveLength(3);
      },
    );
  });
});
