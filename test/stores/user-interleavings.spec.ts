import { jest } from '@jest/globals';
import { simple } from '../support/user-ground-simple.js';
import { apart, broken, methodsOf, operationsOf, together } from '../support/user-grounds.js';
import { combinations, playAll, playFates } from '../support/user-plays.js';
import { ACTS, type Act } from '../support/user-world.js';

/**
 * Every order in which a store can carry out the steps of two programs that sign Ada in and out,
 * but for orders that differ only in steps that have nothing to do with each other. The laws that
 * each order is held to are in `support/user-laws.ts`.
 */

// Thousands of orders each; a limit for a machine that does other things beside.
jest.setTimeout(120_000);

let orders = 0;

async function count(play: Promise<number>): Promise<void> {
  const played = await play;
  expect(played).toBeGreaterThan(0);
  orders += played;
}

afterAll(() => {
  console.log(`${String(orders)} orders`);
});

const titled = (acts: readonly Act[]): [string, readonly Act[]] => [acts.join(' | '), acts];
const ALL_PAIRS = combinations(2, ACTS).map(titled);
/** One act of each kind. */
const PAIRS = combinations(2, ['login', 'regenerate', 'log out', 'end all', 'list']).map(titled);
/** Two logins that make room for each other go on too long for each run of the tests. */
const EVICTING = combinations(2, ['login', 'regenerate', 'log out', 'end others', 'expiry'])
  .filter((acts) => acts.join() !== 'login,login')
  .map(titled);

describe('laws 6 and 7, ASVS 7.4.3, R60, R61: users in every order of the steps of the store', () => {
  it.each(ALL_PAIRS)('index and records apart: %s', (_title, acts) => count(playAll(apart, { acts })));

  it.each(PAIRS)('index and records together: %s', (_title, acts) => count(playAll(together, { acts })));

  it.each(PAIRS)('a simple store: %s', (_title, acts) => count(playAll(simple, { acts })));

  it.each(ALL_PAIRS)('ASVS 7.1.2: maxPerUser 1, reject: %s', (_title, acts) =>
    count(playAll(apart, { acts, max: 1, onMax: 'reject', withOther: false })),
  );

  it.each(EVICTING)('ASVS 7.1.2: maxPerUser 1, evict: %s', (_title, acts) =>
    count(playAll(apart, { acts, max: 1, onMax: 'evict', withOther: false })),
  );
});

describe('laws 6, 7 and 9: what befalls one of the programs, at each of its steps', () => {
  it.each(PAIRS)('F70: its process is killed: %s', (_title, acts) => count(playFates(apart, { acts }, 'killed')));

  it.each(PAIRS)('the store refuses a command: %s', (_title, acts) => count(playFates(apart, { acts }, 'refused')));

  it.each(PAIRS)('F70: the reply to a command is lost: %s', (_title, acts) =>
    count(playFates(apart, { acts }, 'reply lost')),
  );
});

describe('the orders find a store', () => {
  it('whose index settles what was revoked', async () => {
    const layOut = broken((store) => {
      const users = operationsOf(store.users);
      const settle: typeof users.settle = async (...args) => {
        await users.settle(...args);
        return true;
      };
      return { ...store, users: { ...users, settle } };
    });
    await expect(playAll(layOut, { acts: ['login', 'end all'] })).rejects.toThrow(/end all/);
  });

  it('whose index lets a session be rotated that was signed out', async () => {
    const layOut = broken((store) => {
      const users = operationsOf(store.users);
      const add: typeof users.add = (userId, id, lifetime) => users.add(userId, id, lifetime, {});
      const methods = methodsOf(store);
      const update: typeof store.update = async (id, record, version) => {
        const result = await methods.update(id, record, version);
        return result.status === 'missing' ? { status: 'updated' } : result;
      };
      return { ...store, update, users: { ...users, add } };
    });
    await expect(playAll(layOut, { acts: ['regenerate', 'end all'] })).rejects.toThrow(/end all/);
  });

  it('whose index forgets what it revokes at once', async () => {
    const layOut = broken((store) => {
      const users = operationsOf(store.users);
      const revoke: typeof users.revoke = async (userId, choice) => {
        const ids = await users.revoke(userId, choice);
        await users.remove(userId, ids);
        return ids;
      };
      return { ...store, users: { ...users, revoke } };
    });
    await expect(playFates(layOut, { acts: ['end all', 'list'] }, 'refused')).rejects.toThrow(/end all/);
  });

  it('whose updates create', async () => {
    const layOut = broken((store) => {
      const methods = methodsOf(store);
      const update: typeof store.update = async (id, record, version) => {
        const result = await methods.update(id, record, version);
        if (result.status !== 'missing') return result;
        await methods.create(id, record);
        return { status: 'updated' };
      };
      return { ...store, update };
    });
    await expect(playAll(layOut, { acts: ['regenerate', 'log out'] })).rejects.toThrow(/regenerate/);
  });
});
