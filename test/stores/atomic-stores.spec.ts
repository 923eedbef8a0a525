import {
  MemoryStore,
  type AtomicSessionStore,
  type SessionRecord,
  type SessionStore,
  type UpdateResult,
} from 'nestjs-token-session';
import { atomicStoreOf } from '../../lib/stores/atomic-store-of.js';
import { describeAtomicStore } from '../support/store-rules.js';
import type { OpenStore, StoreAbilities } from '../support/store-rules-subject.js';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';
import { methodsOf } from '../support/user-grounds.js';

/** The store with the clock of a test. */
function opened(store: MemoryStore | SessionStore, now: () => number): AtomicSessionStore {
  const atomic = atomicStoreOf(store, 2_000);
  atomic.attach?.({ now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
  return atomic;
}

const memory: OpenStore = (now) => opened(new MemoryStore(), now);

describeAtomicStore('the memory store', memory, { describe, it });
describeAtomicStore('a simple store', (now) => opened(new SimpleMapStore(), now), { describe, it });
describeAtomicStore('a callback store', (now) => opened(new CallbackMapStore(), now), { describe, it });

type Broken = (sound: AtomicSessionStore) => Partial<AtomicSessionStore>;

/** Lets all others come in between, as every store does that asks first and writes later. */
const others = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the rules find a store', () => {
  it.each<[string, string, Broken]>([
    [
      'whose create overwrites',
      'never overwrites (tower-sessions: an upsert took over a colliding id)',
      ({ create, destroy }) => ({
        create: async (id, record) => {
          await destroy(id);
          return create(id, record);
        },
      }),
    ],
    [
      'whose create looks first and writes later',
      'of 20 at the same time for one id one succeeds, and its record is there',
      ({ load, create, destroy }) => ({
        create: async (id, record) => {
          if ((await load(id)) !== undefined) return false;
          await others();
          await destroy(id);
          return create(id, record);
        },
      }),
    ],
    ['that holds on to ended ids', 'takes the place of a record that has ended', holdsOn],
    [
      'whose update writes over any version',
      'law 5: at another version changes nothing and gives the current record',
      ({ load, update }) => ({
        update: async (id, record) => update(id, record, (await load(id))?.version ?? ''),
      }),
    ],
    [
      'whose update compares first and writes later',
      'law 5: 20 counters that try again count to 20',
      ({ load, update }) => ({
        update: async (id, record, version): Promise<UpdateResult> => {
          const current = await load(id);
          if (current === undefined) return { status: 'missing' };
          if (current.version !== version) return { status: 'conflict', current };
          await others();
          return update(id, record, (await load(id))?.version ?? '');
        },
      }),
    ],
    [
      'whose update is an upsert',
      'law 6: never creates',
      ({ create, update }) => ({
        update: async (id, record, version) =>
          (await create(id, record)) ? { status: 'updated' } : update(id, record, version),
      }),
    ],
    [
      'whose conflict tells of its own record',
      'law 5: of 20 at the same time from one version one succeeds, the others see its record',
      ({ update }) => ({
        update: async (id, record, version) => {
          const result = await update(id, record, version);
          return result.status === 'conflict' ? { ...result, current: record } : result;
        },
      }),
    ],
    [
      'that never takes a user away',
      'sets, changes and removes the user',
      ({ load, update }) => ({
        update: async (id, record, version) => {
          const { userId } = (await load(id)) ?? {};
          return update(id, userId === undefined ? record : { userId, ...record }, version);
        },
      }),
    ],
    [
      'whose records keep the expiry that they were created with',
      'lengthens the life of a session',
      ({ load, update }) => ({
        update: async (id, record, version) => {
          const { idleTimeout, absoluteTimeout } = (await load(id)) ?? record;
          return update(id, { ...record, idleTimeout, absoluteTimeout }, version);
        },
      }),
    ],
    [
      'whose touch takes any time',
      'one that comes late does not move the clock back',
      ({ load, touch, update }) => ({
        touch: async (id, { usedAt }) => {
          const record = await load(id);
          if (record === undefined) return touch(id, { usedAt } as SessionRecord);
          return (await update(id, { ...record, usedAt }, record.version)).status === 'updated';
        },
      }),
    ],
    [
      'whose touch takes all times that come with it',
      'moves nothing but the idle clock, whatever times come with it',
      ({ load, touch, update }) => ({
        touch: async (id, times) => {
          const record = await load(id);
          if (record !== undefined) await update(id, { ...record, ...times, version: record.version }, record.version);
          return touch(id, times);
        },
      }),
    ],
    [
      'whose destroy knows no version',
      'law 7: with a version removes only what has it, and gives what was there',
      ({ destroy }) => ({ destroy: (id) => destroy(id) }),
    ],
    [
      'that ends text at a NUL',
      'D37: a payload comes back letter for letter: a NUL',
      changed(({ payload, ...record }) => ({ ...record, payload: payload.split('\u0000')[0] as string })),
    ],
    [
      'that normalises user ids',
      'S57: odd user ids come back as they are',
      changed(({ userId, ...record }) => ({ ...record, ...(userId !== undefined && { userId: userId.normalize() }) })),
    ],
    [
      'that trims versions',
      'S57: odd versions are equal to themselves and to nothing else',
      ({ update }) => ({ update: (id, record, version) => update(id, record, version.trim()) }),
    ],
    [
      'that keeps times as 32 bits',
      'C48: limits of 1000000000000 ms are kept as long as anything is',
      changed(({ idleTimeout, ...record }) => ({ ...record, idleTimeout: idleTimeout | 0 })),
    ],
  ])('%s', async (_name, rule, breakIt) => {
    expect(await failedRules(broken(breakIt))).toContain(rule);
  });

  it('whose records never end', async () => {
    const start = Date.UTC(2026, 0, 1);
    const failed = await failedRules(() => memory(() => start));
    expect(failed).toContain('law 8, C50: the idle clock ends a session to the ms');
    expect(failed).toContain('random operations give what a simple model gives');
  });

  it('F70: that takes its own update for another one', async () => {
    expect(await failedRules(memory, { resends: true })).toEqual([
      'F70: a create that is sent again succeeds',
      'F70: an update that is sent again succeeds and changes nothing',
      'F70: an update counts once, though others have written before it is sent again',
      'F70: of 20 copies at the same time all succeed, and it counts once',
    ]);
  });

  it('only if there is something to find', async () => {
    expect(await failedRules(memory)).toEqual([]);
  });
});

function holdsOn({ create }: AtomicSessionStore): Partial<AtomicSessionStore> {
  const taken = new Set<string>();
  return {
    create: (id, record) => {
      if (taken.has(id)) return false;
      taken.add(id);
      return create(id, record);
    },
  };
}

/** A store that does not keep records as they are. */
function changed(change: (record: SessionRecord) => SessionRecord): Broken {
  return ({ create, update }) => ({
    create: (id, record) => create(id, change(record)),
    update: (id, record, version) => update(id, change(record), version),
  });
}

function broken(breakIt: Broken): OpenStore {
  return async (now) => {
    const sound = methodsOf(await memory(now));
    return { ...sound, ...breakIt(sound) };
  };
}

/** The rules that a store breaks. */
async function failedRules(open: OpenStore, abilities?: StoreAbilities): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  const it = (title: string, test: () => Promise<void>): void => void tests.push([title, test]);
  describeAtomicStore('a store', open, { describe: (_name, body) => body(), it }, abilities);
  const failed: string[] = [];
  for (const [title, test] of tests) {
    await test().catch(() => failed.push(title));
  }
  return failed;
}
