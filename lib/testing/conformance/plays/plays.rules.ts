import type { TestClock } from '../../test-clock.js';
import type { AtomicSessionStore } from '../../../stores/session-store.js';
import type { RuleOf } from '../conformance-test.js';
import { Random, withHistory } from '../random.js';
import { checkLaws } from './laws.js';
import { Play, type Act } from './play.js';
import { World, type WorldPlan } from './world.js';

/** The stores of a test, of one process each, on the same data. */
export interface Processes {
  readonly stores: readonly AtomicSessionStore[];
  readonly clock: TestClock;
}

/** How many orders of the store's operations are played for each rule. */
const ORDERS = 25;

type PlannedPlay = readonly [title: string, acts: readonly Act[], plan?: WorldPlan];

/** For every store. */
const OF_SESSIONS: readonly PlannedPlay[] = [
  ['R58, law 6: a logout and a slow request that saves', ['log out', 'save']],
  ['R59, law 6: a logout and a touch', ['log out', 'touch']],
  ['law 7: a regeneration and a logout', ['regenerate', 'log out']],
  ['R61: two regenerations', ['regenerate', 'regenerate']],
  ['R62, law 5: three requests that change different keys', ['save', 'save', 'save']],
  ['law 5, law 7: a regeneration and a request that saves', ['regenerate', 'save']],
];

/** For stores with an index of users. */
const OF_USERS: readonly PlannedPlay[] = [
  ['R60, ASVS 7.4.3: a login and a sign-out everywhere', ['login', 'end all']],
  ['R60, ASVS 7.4.3: a new login of a signed-in user and a sign-out everywhere', ['login again', 'end all']],
  ['R60, law 7: a regeneration and a sign-out everywhere', ['regenerate', 'end all']],
  ['R60: a request that saves and a sign-out everywhere', ['save', 'end all']],
  ['R59: the end of a session by its id and a touch', ['end by id', 'touch']],
  ['R60: the end of a session by its id and a request that saves', ['end by id', 'save']],
  ['R60: the end of a session by its id and a regeneration', ['end by id', 'regenerate']],
  ['ASVS 7.1.2: two logins, the sessions in excess are ended', ['login', 'login'], { max: 2, onMax: 'evict' }],
  ['ASVS 7.1.2: two logins, those in excess are refused', ['login', 'login'], { max: 2, onMax: 'reject' }],
  ['ASVS 7.1.2, R60: two logins and a sign-out everywhere', ['login', 'login', 'end all'], { max: 2, onMax: 'evict' }],
];

export function sessionPlayRules(seed: number): (rule: RuleOf<Processes>) => void {
  return (rule) => playRules(rule, OF_SESSIONS, seed);
}

export function userPlayRules(seed: number): (rule: RuleOf<Processes>) => void {
  return (rule) => playRules(rule, OF_USERS, seed);
}

function playRules(rule: RuleOf<Processes>, plays: readonly PlannedPlay[], seed: number): void {
  for (const [title, acts, plan = {}] of plays) {
    rule(`${title}, in ${String(ORDERS)} orders (seed ${String(seed)})`, async ({ stores, clock }) => {
      const world = new World(stores, clock, plan);
      const random = new Random(seed);
      try {
        for (let order = 1; order <= ORDERS; order++) await playOnce(world, acts, order, random);
      } finally {
        await world.close();
      }
    });
  }
}

async function playOnce(world: World, acts: readonly Act[], order: number, random: Random): Promise<void> {
  const play = new Play(world, acts, `ada${String(order)}`);
  const programs = await play.prepare();
  world.stage.trace.length = 0;
  try {
    await world.stage.run(programs, random);
    await checkLaws(play);
  } catch (error) {
    const states = play.attempts.map(({ act, program, state }) => `${String(program + 1)} "${act}": ${state}`);
    throw withHistory(
      error,
      `order ${String(order)} of the store's operations; ${states.join(', ')}`,
      world.stage.trace,
    );
  }
}
