import { closeApps } from '../support/app.js';
import { answered, CLEARED, DONE, ENDED, Flight, RENEWED, WAYS, type OperationName } from '../support/flight.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

const CHANGES = ['write', 'save', 'update', 'regenerate', 'reauthenticate'] as const;

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(WAYS)('a request on its way on $platform by $carrier.name', ({ platform, carrier, createStore }) => {
  let flight: Flight;

  beforeEach(async () => {
    flight = await Flight.start(platform, carrier, { store: createStore() });
  });

  describe('with the token of a user, when another request', () => {
    /** A session of ada's under the token that the client holds, and one on another device. */
    let token: string;
    let elsewhere: string;
    let bobs: string;

    beforeEach(async () => {
      token = await flight.signIn(await flight.visit());
      elsewhere = await flight.signIn();
      bobs = (await flight.run('login-bob')).token as string;
    });
    afterEach(async () => {
      expect(await flight.dataOf(bobs)).toEqual({});
    });

    const ENDINGS: [string, boolean, () => Promise<unknown>][] = [
      ['signs out', true, () => flight.run('logout', token)],
      ['ends it by its id', true, () => flight.run('destroy-by-id', token)],
      ['ends it by its id from elsewhere', true, async () => flight.sessions.destroyById('ada', await idOf(token))],
      ['ends all of the user', false, () => flight.run('destroy-all', elsewhere)],
      ['ends all others', true, () => flight.run('destroy-others', elsewhere)],
    ];

    describe.each(ENDINGS)('%s', (_other, sparesElsewhere, end) => {
      afterEach(async () => {
        expect((await flight.opening(token, elsewhere)).join()).toBe([false, sparesElsewhere].join());
      });

      it.each([...CHANGES, 'touch'] as const)(
        'R58, R59, R60: a slow %s is refused, sends no token, and brings nothing back',
        async (operation) => {
          expect(await flight.across(operation, token, end)).toEqual(ENDED);
          expect(await flight.sessions.list('ada')).toHaveLength(sparesElsewhere ? 1 : 0);
        },
      );

      it('R58: a slow read is answered as its handler gave it', async () => {
        expect(await flight.across('read', token, end)).toEqual(answered({ cart: 'full' }));
      });

      it('R58: a slow logout succeeds', async () => {
        expect(await flight.across('logout', token, end)).toEqual(CLEARED);
      });

      it('laws 6 and 7: a slow login starts a new session, into which nothing of the ended one moves', async () => {
        const answer = await flight.across('login', token, end);
        expect(answer).toEqual(RENEWED);
        expect(await flight.dataOf(answer.token)).toEqual({});
        expect(await flight.opening(answer.token)).toEqual([true]);
      });
    });

    const ROTATIONS: [OperationName][] = [['regenerate'], ['reauthenticate']];

    describe.each(ROTATIONS)('rotates it by %s', (rotation) => {
      let next: string | undefined;
      const rotate = async (): Promise<void> => {
        const answer = await flight.run(rotation, token);
        expect(answer).toEqual(RENEWED);
        next = answer.token;
      };
      afterEach(async () => {
        expect(await flight.opening(token, elsewhere)).toEqual([false, true]);
      });

      it.each(CHANGES)('R60, R61: a slow %s is refused and neither sets nor clears a token', async (operation) => {
        expect(await flight.across(operation, token, rotate)).toEqual(ENDED);
        expect(await flight.dataOf(next)).toEqual({ cart: 'full' });
        expect(await flight.opening(next)).toEqual([true]);
      });

      it('R61b: a slow read is answered as its handler gave it, and neither sets nor clears a token', async () => {
        expect(await flight.across('read', token, rotate)).toEqual(answered({ cart: 'full' }));
        expect(await flight.opening(next)).toEqual([true]);
      });

      it('R59: a slow touch changes nothing, and neither sets nor clears a token', async () => {
        expect(await flight.across('touch', token, rotate)).toEqual(DONE);
        expect(await flight.opening(next)).toEqual([true]);
      });

      it('law 7, R58: a slow logout ends the session under its new token too', async () => {
        expect(await flight.across('logout', token, rotate)).toEqual(CLEARED);
        expect(await flight.opening(next)).toEqual([false]);
      });

      it('ASVS 7.4.3: a slow sign-out everywhere ends it under its new token too', async () => {
        const slow = await flight.across('destroy-all', elsewhere, rotate);
        expect(slow).toEqual(answered(2));
        expect(await flight.opening(next, elsewhere)).toEqual([false, false]);
        elsewhere = await flight.signIn();
      });

      it('ASVS 7.4.3: a slow sign-out everywhere else does not end it: it is the session named', async () => {
        const slow = await flight.across('destroy-others', token, rotate);
        expect(slow).toEqual(answered(1));
        expect(await flight.opening(next, elsewhere)).toEqual([true, false]);
        elsewhere = await flight.signIn();
      });

      it('law 7: a slow login starts a session of its own', async () => {
        const answer = await flight.across('login', token, rotate);
        expect(answer).toEqual(RENEWED);
        expect(await flight.opening(answer.token, next)).toEqual([true, true]);
      });

      it.each(ROTATIONS)('R61: of it and %s at once one succeeds, and one session is left', async (other) => {
        const { land } = await flight.takeOff([rotation, other], token);
        const answers = await land();
        expect(answers).toHaveLength(2);
        expect(answers).toEqual(expect.arrayContaining([RENEWED, ENDED]));
        const won = answers.find(({ status }) => status === 201);
        expect(await flight.opening(won?.token)).toEqual([true]);
        expect(await flight.sessions.list('ada')).toHaveLength(2);
      });

      it('law 5, R60: what another request stored meanwhile moves along', async () => {
        const { land } = await flight.takeOff([rotation], token);
        expect(await flight.run('shop-more', token)).toEqual(DONE);
        const [answer] = await land();
        expect(answer).toEqual(RENEWED);
        expect(await flight.dataOf(answer?.token)).toEqual({ cart: 'fuller' });
      });
    });

    it('law 5, R60: what another request adds during a reauthentication is not lost', async () => {
      const { land } = await flight.takeOff(['reauthenticate'], token);
      expect(await flight.run('note', token)).toEqual(DONE);
      const [answer] = await land();
      expect(answer).toEqual(RENEWED);
      expect(await flight.dataOf(answer?.token)).toEqual({ cart: 'full', noted: true });
    });

    it('R62: parallel edits of different keys both survive', async () => {
      const { land } = await flight.takeOff(['write', 'note', 'save', 'update'], token);
      expect(await land()).toEqual([DONE, DONE, DONE, DONE]);
      expect(await flight.dataOf(token)).toEqual({ cart: 'full', written: true, noted: true });
    });

    describe.each<[string, OperationName]>([
      ['the same user', 'login'],
      ['another user', 'login-bob'],
    ])('signs %s in', (_who, login) => {
      let next: string | undefined;
      const signIn = async (): Promise<void> => {
        const answer = await flight.run(login, token);
        expect(answer).toEqual(RENEWED);
        next = answer.token;
      };
      afterEach(async () => {
        expect(await flight.opening(token, elsewhere)).toEqual([false, true]);
      });

      it.each(CHANGES)('law 7, R61b: a slow %s is refused and neither sets nor clears a token', async (operation) => {
        expect(await flight.across(operation, token, signIn)).toEqual(ENDED);
        expect(await flight.dataOf(next)).toEqual(login === 'login' ? { cart: 'full' } : {});
      });

      it('law 7, R61b: a slow logout does not end the new login, and neither sets nor clears a token', async () => {
        expect(await flight.across('logout', token, signIn)).toEqual(DONE);
        expect(await flight.dataOf(next)).toBeDefined();
      });

      it('R61: both of two logins at once succeed', async () => {
        const answer = await flight.across(login, token, signIn);
        expect(answer).toEqual(RENEWED);
        expect(await flight.dataOf(next)).toBeDefined();
        expect(await flight.dataOf(answer.token)).toBeDefined();
      });
    });
  });

  const idOf = async (token: string): Promise<string> => (await flight.sessions.load(token))?.id as string;
});
