import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { COOKIE, HEADER } from '../support/carriers.js';
import { TestClock } from '../support/clock.js';
import { CLEARED, DONE, ENDED, Flight, RENEWED, type OperationName, type Seen } from '../support/flight.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { SteeredStore } from '../support/steered-store.js';

const LOGIN_REQUIRED: Seen = { status: 401, token: undefined, says: 'LOGIN_REQUIRED' };

/** Where a request can be held: before each of its calls of the store. */
const LOGIN = ['load', 'users.add', 'create', 'users.settle', 'update'];
const RENEWAL = ['load', 'users.add', 'create', 'update', 'users.settle'];

failOnUnhandledRejections();
afterEach(closeApps);

describe.each([
  { platform: 'express', carrier: HEADER },
  { platform: 'fastify', carrier: COOKIE },
] as const)('a request held in the store on $platform by $carrier.name', ({ platform, carrier }) => {
  const clock = new TestClock();
  let store: SteeredStore;
  let flight: Flight;

  async function start(options: object = {}): Promise<void> {
    store = new SteeredStore();
    flight = await Flight.start(platform, carrier, { store, clock: clock.now, ...options });
  }
  beforeEach(() => start());

  /** Holds a request before a call of the store while another one comes and goes. */
  async function held(operation: OperationName, token: string, at: string, meanwhile: () => unknown): Promise<Seen> {
    const hold = new Barrier();
    let isHeld = false;
    store.steer = (name, run) => {
      if (isHeld || name !== at) return run();
      isHeld = true;
      return hold.pass().then(run);
    };
    const answer = flight.run(operation, token);
    await hold.arrived;
    await meanwhile();
    hold.open();
    return answer;
  }

  const begin = async (isBound: boolean): Promise<string> =>
    isBound ? flight.signIn(await flight.visit()) : flight.visit();

  /** Whether the answer's token opens a session of ada's, and that it is her only one. */
  async function livesAlone(token: string | undefined): Promise<boolean> {
    const [lives] = await flight.opening(token);
    expect(await flight.sessions.list('ada')).toHaveLength(lives ? 1 : 0);
    return lives === true;
  }

  type Row = [OperationName, boolean, string, Seen, boolean];
  const rows = (operation: OperationName, isBound: boolean, steps: string[], ...ends: [Seen, boolean][]): Row[] =>
    steps.map((at, index): Row => [operation, isBound, at, ...(ends[index] as [Seen, boolean])]);
  const lives: [Seen, boolean] = [RENEWED, true];
  const fails: [Seen, boolean] = [ENDED, false];
  /** Signed in, and then signed out before the answer arrived. */
  const died: [Seen, boolean] = [RENEWED, false];
  const none = (answer: Seen): [Seen, boolean] => [answer, false];

  it('is held before each call that it makes', async () => {
    const anonymous = await flight.visit();
    store.calls.length = 0;
    const token = (await flight.run('login', anonymous)).token as string;
    expect(store.calls.splice(0)).toEqual(LOGIN);
    const next = (await flight.run('regenerate', token)).token;
    expect(store.calls.splice(0)).toEqual(RENEWAL);
    const last = (await flight.run('reauthenticate', next)).token;
    expect(store.calls.splice(0)).toEqual(RENEWAL);
    await flight.run('login', last);
    expect(store.calls).toEqual(RENEWAL);
  });

  const DESTROYED = [
    ...rows('login', true, RENEWAL, lives, lives, fails, fails, fails),
    ...rows('regenerate', true, RENEWAL, none(DONE), fails, fails, fails, fails),
    ...rows('reauthenticate', true, RENEWAL, none(LOGIN_REQUIRED), fails, fails, fails, fails),
  ];

  it.each([...rows('login', false, LOGIN, lives, lives, fails, fails, died), ...DESTROYED])(
    'ASVS 7.4.3, R60: %s (bound: %p) held at %s across a sign-out everywhere: nothing older survives it',
    async (operation, isBound, at, expected, survives) => {
      const token = await begin(isBound);
      const answer = await held(operation, token, at, () => flight.sessions.destroyAll('ada'));
      expect(answer).toEqual(expected);
      expect(await livesAlone(answer.token)).toBe(survives);
    },
  );

  it.each(DESTROYED)(
    'ASVS 7.5.2, R60: %s (bound: %p) held at %s across the end of its session by id',
    async (operation, isBound, at, expected, survives) => {
      const token = await begin(isBound);
      const id = (await flight.sessions.load(token))?.id as string;
      const answer = await held(operation, token, at, async () => {
        expect(await flight.sessions.destroyById('ada', id)).toBe(true);
      });
      expect(answer).toEqual(expected);
      expect(await livesAlone(answer.token)).toBe(survives);
    },
  );

  it.each([
    ...rows('login', false, LOGIN, lives, lives, lives, lives, lives),
    ...rows('login', true, RENEWAL, lives, lives, lives, lives, lives),
    ...rows('regenerate', true, RENEWAL, none(DONE), fails, fails, fails, lives),
    ...rows('reauthenticate', true, RENEWAL, none(LOGIN_REQUIRED), fails, fails, fails, lives),
  ])(
    'R58: %s (bound: %p) held at %s across a logout: what is acknowledged holds',
    async (operation, isBound, at, expected, survives) => {
      const token = await begin(isBound);
      const isRotated = at === 'users.settle' && isBound;
      const answer = await held(operation, token, at, async () => {
        expect(await flight.run('logout', token)).toEqual(isRotated ? ENDED : CLEARED);
      });
      expect(answer).toEqual(expected);
      expect(await livesAlone(answer.token)).toBe(survives);
      expect(await flight.dataOf(token)).toBeUndefined();
    },
  );

  describe.each<OperationName>(['save', 'update', 'write'])('%s held at its write', (operation) => {
    it.each<OperationName>(['logout', 'destroy-all', 'destroy-by-id', 'regenerate', 'reauthenticate', 'login'])(
      'R58, R60: across %s is refused, and stored nowhere',
      async (meanwhile) => {
        const token = await begin(true);
        let next: string | undefined;
        const answer = await held(operation, token, 'update', async () => {
          next = (await flight.run(meanwhile, token)).token;
        });
        expect(answer).toEqual(ENDED);
        expect(await flight.dataOf(token)).toBeUndefined();
        expect(await flight.dataOf(next)).toEqual(next === undefined || next === '' ? undefined : { cart: 'full' });
        expect(await flight.sessions.list('ada')).toHaveLength(next === undefined || next === '' ? 0 : 1);
      },
    );
  });

  it.each<OperationName>(['logout', 'destroy-all', 'destroy-by-id'])(
    'R59: a touch under way across %s does not bring the session back',
    async (meanwhile) => {
      const token = await begin(true);
      clock.advance(10 * 60_000);
      const touch = new Barrier();
      store.steer = (name, run) => (name === 'touch' ? touch.pass().then(run) : run());
      await flight.run('read', token);
      await touch.arrived;
      store.steer = undefined;
      await flight.run(meanwhile, token);
      touch.open();
      expect(await flight.run('read', token)).toEqual({ ...DONE, says: {} });
      expect(await livesAlone(token)).toBe(false);
      expect(store.count()).toBe(0);
    },
  );

  describe.each<OperationName>(['regenerate', 'reauthenticate'])('%s', (rotation) => {
    it.each(RENEWAL)('law 5, R60: held at %s across a save: what is acknowledged moves along', async (at) => {
      const token = await begin(true);
      const isRotated = at === 'users.settle';
      const answer = await held(rotation, token, at, async () => {
        expect(await flight.run('shop-more', token)).toEqual(isRotated ? ENDED : DONE);
      });
      expect(answer).toEqual(RENEWED);
      expect(await flight.dataOf(answer.token)).toEqual({ cart: isRotated ? 'full' : 'fuller' });
      expect(await livesAlone(answer.token)).toBe(true);
    });

    it.each(RENEWAL)('R61: held at %s across another rotation: one lineage', async (at) => {
      const token = await begin(true);
      let other: Seen | undefined;
      const answer = await held(rotation, token, at, async () => (other = await flight.run('regenerate', token)));
      const isFirst = at === 'users.settle';
      expect([answer, other]).toEqual(isFirst ? [RENEWED, ENDED] : [ENDED, RENEWED]);
      expect(await livesAlone(isFirst ? answer.token : other?.token)).toBe(true);
    });
  });

  it.each([
    ['load', [RENEWED, true], false],
    ['users.add', [RENEWED, true], false],
    ['create', [ENDED, false], true],
    ['users.settle', [ENDED, false], true],
    ['update', [RENEWED, false], true],
  ] as const)(
    'R61, ASVS 7.1.2: with maxPerUser: 1 of a double-clicked sign-in held at %s the login noted last is left',
    async (at, [expected, survives], otherSurvives) => {
      await start({ maxPerUser: 1 });
      const token = await begin(false);
      let other: Seen | undefined;
      const answer = await held('login', token, at, async () => (other = await flight.run('login', token)));
      expect([answer, other]).toEqual([expected, RENEWED]);
      expect(await flight.opening(answer.token, other?.token)).toEqual([survives, otherSurvives]);
      expect(await flight.sessions.list('ada')).toHaveLength(1);
    },
  );

  it('law 7, R61b: while a logout with the old token is carried out, that token begins no session', async () => {
    const token = await begin(false);
    const logout = await flight.takeOff(['logout'], token);
    const login = await flight.run('login', token);
    const seen: Seen[] = [];
    store.steer = async function steer(_name, run) {
      store.steer = undefined;
      seen.push(await flight.run('write', token));
      const done = run();
      seen.push(await flight.run('write', token));
      store.steer = steer;
      return done;
    };
    expect(await logout.land()).toEqual([DONE]);
    store.steer = undefined;
    expect(seen).toEqual(seen.map(() => ENDED));
    expect(seen).not.toEqual([]);
    expect(await livesAlone(login.token)).toBe(true);
  });

  it('R64: a sweep before and after each step of a login and of its end removes only what has ended', async () => {
    const ended = await begin(true);
    clock.advance(30 * 60_000);
    store.steer = (_name, run) => {
      store.sweep();
      const done = run();
      store.sweep();
      return done;
    };
    const visit = await begin(false);
    const token = await flight.signIn(visit);
    const next = (await flight.run('reauthenticate', token)).token;
    expect(await flight.opening(ended, token, next)).toEqual([false, false, true]);
    // The session, and the tombstones of its two old tokens for a minute.
    expect(store.count()).toBe(3);
    clock.advance(60_000);
    expect(await flight.run('read', next)).toEqual({ ...DONE, says: { cart: 'full' } });
    expect(store.count()).toBe(1);
    expect(await flight.run('logout', next)).toEqual(CLEARED);
    expect(await livesAlone(next)).toBe(false);
    expect(store.count()).toBe(0);
  });
});
