import { everyOrder, type Pick } from './orders.js';
import type { Fate } from './stage.js';
import type { LayOut } from './user-grounds.js';
import { Laws } from './user-laws.js';
import { PENDING, World, type Act, type Plan } from './user-world.js';

/** Plays programs in every order; tells how many orders there were, and throws when a law is broken. */
export function playAll(layOut: LayOut, plan: Plan): Promise<number> {
  return everyOrder(async (pick) => (await play(layOut, plan, pick)) !== 'broken off');
}

/** The same with something that befalls one of the programs, at each of its steps. */
export async function playFates(layOut: LayOut, plan: Plan, what: Fate['what']): Promise<number> {
  let orders = 0;
  for (const [program, act] of plan.acts.entries()) {
    if (act === 'a minute' || act === 'expiry') continue;
    for (let step = 1, wasStruck = true; wasStruck; step++) {
      wasStruck = false;
      orders += await everyOrder(async (pick) => {
        const outcome = await play(layOut, plan, pick, { program, step, what });
        if (outcome === 'struck') wasStruck = true;
        return outcome !== 'broken off';
      });
    }
  }
  return orders;
}

async function play(layOut: LayOut, plan: Plan, pick: Pick, fate?: Fate): Promise<'whole' | 'struck' | 'broken off'> {
  const world = new World(layOut, plan);
  await world.setUp();
  const laws = new Laws(world, fate);
  const programs: (() => Promise<void>)[] = [];
  for (const [number, act] of plan.acts.entries()) programs.push(await world.program(act, number));
  if (!(await world.stage.run(programs, pick, fate, () => laws.checkMax()))) return 'broken off';
  const failed = world.attempts.find(
    ({ program, state }) => program === fate?.program && state === 'STORE_UNAVAILABLE',
  );
  if (failed !== undefined) await world.attempt(failed.act, failed.program);
  if (fate?.what === 'process killed') await world.restart();
  await laws.check(false);
  if (fate === undefined) await laws.checkNext();
  if (fate === undefined || failed !== undefined) {
    world.clock.advance(PENDING);
    await laws.check(true);
  }
  await laws.checkNext();
  await laws.checkEnd();
  return world.stage.struck === undefined ? 'whole' : 'struck';
}

/** Every combination of so many programs, whatever their order. */
export function combinations(size: number, from: readonly Act[]): Act[][] {
  if (size === 0) return [[]];
  return from.flatMap((act, index) => combinations(size - 1, from.slice(index)).map((rest) => [act, ...rest]));
}
