import { MemoryStore } from 'nestjs-token-session';
import type { OpenStore, StoreCapabilities } from 'nestjs-token-session/testing';
import { BROKEN_CLOCKS_AND_ENDS } from './support/broken-clocks-and-ends.js';
import { BROKEN_ENDINGS } from './support/broken-endings.js';
import { BROKEN_INDEXES } from './support/broken-indexes.js';
import { BROKEN_LIMITS } from './support/broken-limits.js';
import { BROKEN_PROCESSES, soundProcesses } from './support/broken-processes.js';
import { BROKEN_RECORDS } from './support/broken-records.js';
import { BROKEN_SIMPLE_STORES, soundSimple } from './support/broken-simple-stores.js';
import { BROKEN_COUNTS, BROKEN_SWEEPS } from './support/broken-sweeps.js';
import { BROKEN_USERS } from './support/broken-users.js';
import { BROKEN_IDS, BROKEN_VALUES } from './support/broken-values.js';
import { CAUGHT_BY_RECORD_RULES } from './support/caught-records.js';
import { CAUGHT_BY_SIMPLE_RULES } from './support/caught-simple.js';
import { CAUGHT_BY_USER_RULES } from './support/caught-users.js';
import { failedRules, rulesFor, unseeded } from './support/failed-rules.js';

const ALL: StoreCapabilities = { resends: true, sweepBatch: 2_000 };
const SIMPLE: StoreCapabilities = { contract: 'simple' };

const BROKEN: Readonly<Record<string, OpenStore>> = {
  ...BROKEN_RECORDS,
  ...BROKEN_CLOCKS_AND_ENDS,
  ...BROKEN_VALUES,
  ...BROKEN_IDS,
  ...BROKEN_SWEEPS,
  ...BROKEN_COUNTS,
  ...BROKEN_ENDINGS,
  ...BROKEN_INDEXES,
  ...BROKEN_LIMITS,
  ...BROKEN_USERS,
};

/** The rules of a driver that sends commands again: a store that does not know of that breaks them as it is. */
const OF_RESENDING = [
  'F70: a create that is sent again succeeds',
  'F70: an update that is sent again succeeds and changes nothing',
  'F70: an update counts once, though others have written before it is sent again',
  'F70: of 20 copies at the same time all succeed, and it counts once',
];

/** Looked at where stores are declared wrongly, below. */
const OF_DECLARATIONS = ['the store is of the contract that is declared, and has the abilities that are declared'];

const OF_ONE: Readonly<Record<string, readonly string[]>> = { ...CAUGHT_BY_RECORD_RULES, ...CAUGHT_BY_USER_RULES };

/** These rules, of all that the store is held to, that it breaks. */
async function broken(open: OpenStore, capabilities: StoreCapabilities, titles: readonly string[]): Promise<string[]> {
  const rules = rulesFor(open, capabilities).filter(({ title }) => titles.includes(unseeded(title)));
  expect(rules.length).toBeGreaterThan(0);
  return [...(await failedRules(rules)).keys()];
}

function titlesFor(open: OpenStore, capabilities: StoreCapabilities): string[] {
  return [...new Set(rulesFor(open, capabilities).map(({ title }) => unseeded(title)))];
}

describe('the suite catches a store', () => {
  it.each(Object.entries(OF_ONE))('%s', async (name, titles) => {
    const open = BROKEN[name];
    if (open === undefined) throw new Error(`no such store: ${name}`);
    expect((await broken(open, ALL, titles)).sort()).toEqual([...titles].sort());
  });

  it('F70: that takes its own write for that of another', async () => {
    expect((await broken(() => new MemoryStore(), ALL, OF_RESENDING)).sort()).toEqual([...OF_RESENDING].sort());
  });

  it('by every rule that there is', () => {
    const caught = [...Object.values(OF_ONE).flat(), ...OF_RESENDING, ...OF_DECLARATIONS];
    const titles = titlesFor(() => new MemoryStore(), ALL);
    expect(titles.filter((title) => !caught.includes(title))).toEqual([]);
    expect(caught.filter((title) => !titles.includes(title))).toEqual([]);
    expect(Object.keys(BROKEN).filter((name) => !(name in OF_ONE))).toEqual([]);
  });
});

describe('the suite catches a simple store', () => {
  it.each(Object.entries(CAUGHT_BY_SIMPLE_RULES))('%s', async (name, titles) => {
    const open: OpenStore = BROKEN_SIMPLE_STORES[name as keyof typeof BROKEN_SIMPLE_STORES];
    expect((await broken(open, SIMPLE, titles)).sort()).toEqual([...titles].sort());
  });

  it('by every rule of the simple contract', () => {
    const strong = titlesFor(() => new MemoryStore(), ALL);
    const caught: string[] = Object.values(CAUGHT_BY_SIMPLE_RULES).flat();
    const own = titlesFor(soundSimple, SIMPLE).filter((title) => !strong.includes(title));
    expect(own.filter((title) => !caught.includes(title))).toEqual([]);
    expect(Object.keys(BROKEN_SIMPLE_STORES).filter((name) => !(name in CAUGHT_BY_SIMPLE_RULES))).toEqual([]);
  });
});

describe('the suite catches two processes', () => {
  it.each<[keyof typeof BROKEN_PROCESSES, string[]]>([
    [
      'that keep sessions each for itself',
      [
        'another store on the same data finds every session as it is',
        'what one store has written and destroyed the other one sees at once',
      ],
    ],
    ['that keep the index each for itself', ['another store on the same data finds the sessions of every user']],
    ['that empty the store when they begin', ['another store on the same data finds every session as it is']],
    [
      'that keep what they have read',
      [
        'what one store has written and destroyed the other one sees at once',
        'two processes: random operations give what a simple model gives',
      ],
    ],
    [
      'that exclude each other within a process only',
      [
        'two processes: create: of 20 at the same time for one id one succeeds, and its record is there',
        'two processes: law 5: update: 20 counters that try again count to 20',
        'two processes: users.add: of additions at the same time no more succeed than max allows',
        'two processes: law 5: 20 increments at once count to 20',
      ],
    ],
  ])('%s', async (name, titles) => {
    const open = BROKEN_PROCESSES[name];
    expect((await broken(open, { reopen: open }, titles)).sort()).toEqual([...titles].sort());
  });

  it('by the rules of one store, where nothing goes over all sessions, and those of a store that is opened again', () => {
    const one = titlesFor(soundProcesses, { resends: true });
    const added = titlesFor(soundProcesses, { resends: true, reopen: soundProcesses }).filter(
      (title) => !one.includes(title),
    );
    const again = added.filter((title) => !title.startsWith('two processes: '));
    expect(again).toHaveLength(3);
    expect(
      added.filter((title) => !again.includes(title) && !one.includes(title.replace('two processes: ', ''))),
    ).toEqual([]);
    const leftOut = one.filter((title) => !added.includes(`two processes: ${title}`));
    expect(leftOut.filter((title) => !/sweep|count|clear|declared|whole$/.test(title))).toEqual([]);
  });
});

describe('the suite catches a store that is declared wrongly', () => {
  it.each<[string, OpenStore, StoreCapabilities, RegExp]>([
    ['a simple store as a strong one', soundSimple, {}, /declare \{ contract: 'simple' \}/],
    ['a strong store as a simple one', () => new MemoryStore(), SIMPLE, /declare \{ contract: 'atomic' \}/],
    ['without its index of users', () => new MemoryStore(), { users: false }, /users: declared false, .* has it/],
    [
      'with a sweep that it has not',
      soundSimple,
      { ...SIMPLE, sweep: true },
      /sweep: declared true, .* does not have it/,
    ],
  ])('%s', async (_name, open, capabilities, message) => {
    const rules = rulesFor(open, capabilities).filter(({ title }) => OF_DECLARATIONS.includes(title));
    expect((await failedRules(rules)).get(String(OF_DECLARATIONS[0]))?.message).toMatch(message);
  });
});

describe('the suite finds nothing', () => {
  it.each<[string, OpenStore, StoreCapabilities]>([
    ['in a simple store that keeps its contract', soundSimple, SIMPLE],
    ['in two processes on one data', soundProcesses, { reopen: soundProcesses }],
  ])(
    '%s',
    async (_name, open, capabilities) => {
      expect([...(await failedRules(rulesFor(open, capabilities))).keys()]).toEqual([]);
    },
    60_000,
  );
});
