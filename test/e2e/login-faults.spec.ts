import { closeApps } from '../support/app.js';
import { COOKIE, HEADER } from '../support/carriers.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { CLEARED, Flight, RENEWED, type OperationName, type Seen } from '../support/flight.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { CARRIED_OUT, FAULTS, FaultyCall, OUTAGE, STORE_TIMEOUT, type Fault } from '../support/faulty-call.js';
import { SteeredStore } from '../support/steered-store.js';

/** A login that is not done within this time, in ms, has failed. */
const LOGIN_DEADLINE = 60_000;

/** Writes whose outcome is open when no answer comes. */
const WRITES = ['create', 'update', 'destroy', 'users.add', 'users.settle', 'users.revoke'];

interface Case {
  readonly operation: OperationName;
  /** Whether the client's session is ada's; else it is anonymous. */
  readonly isBound: boolean;
  /** The calls of the store that the request makes; nobody waits for one in brackets. */
  readonly calls: readonly string[];
  /** The place of the call that ends the client's session, if any does. */
  readonly ends?: number;
  readonly options?: object;
}

const LOGIN = ['load', 'users.add', 'create', 'users.settle', 'update'];
const RENEWAL = ['load', 'users.add', 'create', 'update', 'users.settle'];
const EVICTION = ['load', 'users.add', 'users.list', 'load', 'users.add', 'destroy', 'users.remove', ...LOGIN.slice(2)];

const SIGN_INS: Case[] = [
  { operation: 'login', isBound: false, calls: LOGIN, ends: 4 },
  { operation: 'login', isBound: true, calls: RENEWAL, ends: 3 },
  { operation: 'regenerate', isBound: true, calls: RENEWAL, ends: 3 },
  { operation: 'reauthenticate', isBound: true, calls: RENEWAL, ends: 3 },
];

const CASES: Case[] = [
  ...SIGN_INS,
  { operation: 'login-swallowed', isBound: false, calls: LOGIN, ends: 4 },
  { operation: 'login-unawaited', isBound: false, calls: LOGIN, ends: 4 },
  { operation: 'login-bob', isBound: true, calls: [...LOGIN, '(users.remove)'], ends: 4 },
  { operation: 'login', isBound: false, calls: EVICTION, ends: 9, options: { maxPerUser: 1 } },
  { operation: 'logout', isBound: true, calls: ['load', 'destroy', '(users.remove)'], ends: 1 },
  { operation: 'destroy-by-id', isBound: true, calls: ['load', 'users.revoke', 'destroy', 'users.remove'], ends: 1 },
  {
    operation: 'destroy-all',
    isBound: true,
    calls: ['load', 'users.revoke', 'destroy', 'destroy', 'users.remove'],
    ends: 1,
  },
  { operation: 'list', isBound: true, calls: ['load', 'users.list', 'load', 'load'], ends: Infinity },
];

failOnUnhandledRejections();
afterEach(closeApps);

let clock: TestClock;
let store: SteeredStore;
let flight: Flight;

async function start(platform: 'express' | 'fastify', options: object = {}): Promise<void> {
  clock = new TestClock();
  store = new SteeredStore();
  const carrier = platform === 'express' ? HEADER : COOKIE;
  flight = await Flight.start(platform, carrier, { store, clock: clock.now, storeTimeout: STORE_TIMEOUT, ...options });
}

/** What a client is to see when a call did not answer. */
function refusal(call: string, fault: Fault): Seen {
  const isOpen = fault !== 'throws' && fault !== OUTAGE && WRITES.includes(call);
  return { status: 503, token: undefined, says: isOpen ? 'OUTCOME_UNKNOWN' : 'STORE_UNAVAILABLE' };
}

/** The ids of these tokens' sessions that are not among those listed. */
async function strangers(...tokens: string[]): Promise<string[]> {
  const known = await Promise.all(tokens.map(async (token) => (await flight.sessions.load(token))?.id));
  return (await flight.sessions.list('ada')).map(({ id }) => id).filter((id) => !known.includes(id));
}

/** Both platforms tell a store that fails and one that is late; how late calls end is the same on both. */
const PLACES = [
  { platform: 'express', faults: FAULTS },
  { platform: 'fastify', faults: FAULTS.slice(0, 2) },
] as const;

describe.each(PLACES)('law 9: a fault of the store in the middle on $platform', ({ platform, faults }) => {
  describe.each(CASES)('of $operation (bound: $isBound, calls: $calls)', (plan) => {
    const { operation, isBound, calls, ends = Infinity, options } = plan;
    const isForAll = operation === 'destroy-all' || options !== undefined;

    it.each(faults)('a call that %s: never a success, no token, what was not ended goes on', async (fault) => {
      await start(platform, options);
      const events = collectEvents(flight.running);
      const bobs = (await flight.run('login-bob')).token as string;
      for (const [index, name] of calls.entries()) {
        const call = name.replace(/[()]/g, '');
        const told = `${call}, call ${String(index)}`;
        await flight.sessions.destroyAll('ada');
        const elsewhere = await flight.signIn();
        const token = isBound ? await flight.signIn(await flight.visit()) : await flight.visit();
        const stored = store.count();
        events.length = 0;

        const faulty = new FaultyCall(store, index, fault);
        const answer = await flight.run(operation, token);
        expect([told, ...faulty.calls]).toEqual([
          told,
          ...calls.slice(0, index + 1).map((each) => each.replace(/[()]/g, '')),
        ]);
        if (name === call) {
          expect([told, answer]).toEqual([told, refusal(call, fault)]);
          const types = events.map(({ type }) => type);
          expect([told, types.includes('store_failed'), types.includes('authn_login_success')]).toEqual([
            told,
            true,
            false,
          ]);
        } else {
          expect([told, answer]).toEqual([told, operation === 'logout' ? CLEARED : RENEWED]);
        }
        faulty.carryOut();

        const isIntact = index < ends || (index === ends && !CARRIED_OUT.includes(fault));
        if (isIntact) expect([told, await flight.dataOf(token)]).toEqual([told, { cart: 'full' }]);
        if (isIntact && isBound) expect([told, await flight.opening(token)]).toEqual([told, [true]]);
        if (!isForAll) expect([told, await flight.opening(elsewhere)]).toEqual([told, [true]]);
        expect([told, await flight.dataOf(bobs)]).toEqual([told, {}]);
        expect([told, await strangers(token, elsewhere)]).toEqual([told, []]);
        // A record that is stored after all may stay till it ends: nobody has its token.
        const mayStay = call === 'create' && fault === 'hangs and is carried out late' ? 1 : 0;
        if (name === call) expect([told, store.count() <= stored + mayStay]).toEqual([told, true]);
      }
    });
  });
});

describe('law 9: after a fault of the store in the middle', () => {
  describe.each(SIGN_INS)('of $operation (bound: $isBound)', ({ operation, isBound, calls }) => {
    /** The operation with one call that fails, for each call; and what comes then. */
    async function failing(
      fault: Fault,
      options: object,
      then: (token: string, told: string, faulty: FaultyCall) => Promise<void>,
    ): Promise<void> {
      await start('express', options);
      for (const [index, call] of calls.entries()) {
        await flight.sessions.clear();
        const token = isBound ? await flight.signIn() : await flight.visit();
        const faulty = new FaultyCall(store, index, fault);
        expect((await flight.run(operation, token)).status).toBe(503);
        await then(token, `${call}, call ${String(index)}`, faulty);
      }
    }

    it.each<Fault>([...FAULTS, OUTAGE])('that %s, the user signs in at once', async (fault) => {
      await failing(fault, {}, async (token, told, faulty) => {
        faulty.carryOut();
        const again = await flight.run('login', token);
        expect([told, again]).toEqual([told, RENEWED]);
        expect([told, await flight.opening(token, again.token)]).toEqual([told, [false, true]]);
        // What could not be taken back in an outage is taken back when it is over.
        expect([told, (await flight.sessions.list('ada')).length]).toEqual([told, 1]);
      });
    });

    it.each<Fault>([...FAULTS, OUTAGE])(
      "that %s, maxPerUser: 1 with 'evict' locks nobody out, and one session is left",
      async (fault) => {
        await failing(fault, { maxPerUser: 1 }, async (token, told, faulty) => {
          faulty.carryOut();
          const again = await flight.run('login');
          expect([told, again]).toEqual([told, RENEWED]);
          expect([told, await flight.opening(again.token)]).toEqual([told, [true]]);
          if (isBound) expect([told, await flight.dataOf(token)]).toEqual([told, undefined]);
          expect([told, (await flight.sessions.list('ada')).length]).toEqual([told, 1]);
        });
      },
    );

    it.each<Fault>([...FAULTS, OUTAGE])(
      "that %s, maxPerUser: 1 with 'reject' locks nobody out for longer than a minute",
      async (fault) => {
        await failing(fault, { maxPerUser: 1, onMaxPerUser: 'reject' }, async (token, told, faulty) => {
          faulty.carryOut();
          clock.advance(LOGIN_DEADLINE);
          const again = await flight.run('login', token);
          expect([told, again]).toEqual([told, RENEWED]);
          expect([told, await flight.opening(token, again.token)]).toEqual([told, [false, true]]);
          expect([told, (await flight.sessions.list('ada')).length]).toEqual([told, 1]);
        });
      },
    );

    it.each(FAULTS)('that %s, a sign-out everywhere ends everything, also what is carried out later', async (fault) => {
      await failing(fault, {}, async (token, told, faulty) => {
        await flight.sessions.destroyAll('ada');
        faulty.carryOut();
        if (isBound) expect([told, await flight.dataOf(token)]).toEqual([told, undefined]);
        expect([told, await flight.sessions.list('ada')]).toEqual([told, []]);
        expect([told, await flight.run('login')]).toEqual([told, RENEWED]);
      });
    });
  });

  describe.each<[OperationName, number]>([
    ['destroy-all', 4],
    ['destroy-by-id', 3],
  ])('of %s', (operation, calls) => {
    it.each(FAULTS)(
      'that %s, the same once more ends what was to be ended, whenever the first is carried out',
      async (fault) => {
        for (const isLater of [false, true]) {
          await start('express');
          for (let index = 1; index <= calls; index++) {
            const told = `call ${String(index)}, carried out later: ${String(isLater)}`;
            const tokens = [await flight.signIn(), await flight.signIn()] as const;
            const id = (await flight.sessions.load(tokens[0]))?.id as string;
            const faulty = new FaultyCall(store, index, fault);
            expect((await flight.run(operation, tokens[0])).status).toBe(503);
            if (!isLater) faulty.carryOut();
            if (operation === 'destroy-all') await flight.sessions.destroyAll('ada');
            else await flight.sessions.destroyById('ada', id);
            faulty.carryOut();
            expect([told, await flight.opening(...tokens)]).toEqual([told, [false, operation === 'destroy-by-id']]);
            expect([told, (await flight.sessions.list('ada')).length]).toEqual([
              told,
              operation === 'destroy-by-id' ? 1 : 0,
            ]);
            await flight.sessions.clear();
          }
        }
      },
    );
  });
});
