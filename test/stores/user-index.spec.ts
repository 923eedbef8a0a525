import { MemoryStore, type SessionStore, type UserIndex } from 'nestjs-token-session';
import { atomicStoreOf } from '../../lib/stores/atomic-store-of.js';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';
import { operationsOf } from '../support/user-grounds.js';
import { describeUserIndex } from '../support/user-index-rules.js';
import type { OpenUserIndex } from '../support/user-index-subject.js';

/** The index of a store that has the clock of a test. */
function indexOf(store: MemoryStore | SessionStore, now: () => number): UserIndex {
  const atomic = atomicStoreOf(store, 2_000);
  atomic.attach?.({ now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
  return atomic.users as UserIndex;
}

const memory: OpenUserIndex = (now) => indexOf(new MemoryStore(), now);

describeUserIndex('the index of the memory store', memory, { describe, it });
describeUserIndex('the index of a simple store', (now) => indexOf(new SimpleMapStore(), now), { describe, it });
describeUserIndex('the index of a callback store', (now) => indexOf(new CallbackMapStore(), now), { describe, it });

const ID = 'i'.repeat(43);

describe('growth: the index in a simple store', () => {
  it('takes one key for a user, of the form of a session id, which tells nothing', async () => {
    const store = new SimpleMapStore();
    const index = indexOf(store, Date.now);
    for (const [number, user] of ['ada', 'ada', 'bob'].entries()) {
      await index.add(user, `${String(number)}${ID.slice(1)}`, 60_000, {});
    }
    const keys = [...store.sessions.keys()];
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
  });

  it('takes no key when the last entry has gone', async () => {
    const store = new SimpleMapStore();
    const index = indexOf(store, Date.now);
    await index.add('ada', ID, 60_000, {});
    await index.settle('ada', ID, 60_000);
    await index.remove('ada', [ID]);
    expect(store.sessions.size).toBe(0);
  });
});

describe('the rules find an index', () => {
  it.each<[string, string, (sound: UserIndex) => Partial<UserIndex>]>([
    [
      'that replaces what is not there',
      'replaces only what is there',
      ({ add }) => ({ add: (user, id, lifetime, { replaces: _, ...terms }) => add(user, id, lifetime, terms) }),
    ],
    [
      'without a limit',
      'ASVS 7.1.2: max counts the entry that is added, and those that are not settled',
      ({ add }) => ({ add: (user, id, lifetime, { max: _, ...terms }) => add(user, id, lifetime, terms) }),
    ],
    [
      'that counts first and adds later',
      'of additions at the same time no more succeed than max allows',
      ({ add, list }) => ({
        add: async (user, id, lifetime, { max = Infinity, ...terms }) => {
          if ((await list(user)).length < max) return add(user, id, lifetime, terms);
          return add(user, id, lifetime, { max, ...terms });
        },
      }),
    ],
    [
      'that tells once whom it evicted',
      'F70: an addition that is sent again names the evicted again',
      ({ add }) => {
        const told = new Set<string>();
        return {
          add: async (...args) => {
            const { added, revoked } = await add(...args);
            const fresh = revoked.filter((id) => !told.has(id));
            for (const id of fresh) told.add(id);
            return { added, revoked: fresh };
          },
        };
      },
    ],
    [
      'that starts anew what is sent again',
      'F70: a command that is sent again late leaves a settled entry as it is',
      ({ add, list, remove }) => ({
        add: async (user, id, lifetime, terms) => {
          if ((await list(user)).some((entry) => entry.id === id)) await remove(user, [id]);
          return add(user, id, lifetime, terms);
        },
      }),
    ],
    [
      'that settles everything',
      'is refused for what is not there, was revoked or removed',
      ({ settle }) => ({
        settle: async (...args) => {
          await settle(...args);
          return true;
        },
      }),
    ],
    [
      'that keeps what was replaced',
      'removes the entry that is replaced, for good',
      ({ add, settle }) => ({
        settle: async (user, id, lifetime) => {
          await add(user, id, lifetime, { isThere: true });
          return settle(user, id, lifetime);
        },
      }),
    ],
    [
      'that forgets what it revoked',
      'done again gives the same once more: sessions may have to be ended again',
      ({ revoke, remove }) => ({
        revoke: async (user, choice) => {
          const ids = await revoke(user, choice);
          await remove(user, ids);
          return ids;
        },
      }),
    ],
    ['that revokes nothing', 'takes one', () => ({ revoke: () => [] })],
    [
      'that normalises user ids',
      'odd user ids are users like any other, each a user of its own',
      ({ add, list }) => ({
        add: (user, ...rest) => add(user.normalize(), ...rest),
        list: (user) => list(user.normalize()),
      }),
    ],
  ])('%s', async (_name, rule, breakIt) => {
    const failed = await failedRules((now) => {
      const sound = operationsOf(indexOf(new MemoryStore(), now));
      return { ...sound, ...breakIt(sound) };
    });
    expect(failed).toContain(rule);
  });

  it('whose entries never run out', async () => {
    const start = Date.now();
    const failed = await failedRules(() => memory(() => start));
    expect(failed).toContain('an entry that nobody settles is there until its lifetime has passed');
    expect(failed).toContain('random operations give what a simple model gives');
  });

  it('only if there is something to find', async () => {
    expect(await failedRules(memory)).toEqual([]);
  });
});

/** The rules that an index breaks. */
async function failedRules(open: OpenUserIndex): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  describeUserIndex('an index', open, {
    describe: (_name, body) => body(),
    it: (title, test) => void tests.push([title, test]),
  });
  const failed: string[] = [];
  for (const [title, test] of tests) {
    await test().catch(() => failed.push(title));
  }
  return failed;
}
