import * as assert from '../assertions.js';
import type { Session } from '../../../session.js';
import type { RuleOf } from '../conformance-test.js';
import type { Processes } from './plays.rules.js';
import { World, type Data, type Known, type WorldPlan } from './world.js';

/** How many requests come at the same time. */
const REQUESTS = 20;
const MAX = 3;

/** Requests that come at once, and meet in the store itself: nothing but it puts them in an order. */
export function sessionRaceRules(rule: RuleOf<Processes>): void {
  rule('R62, law 5: 20 requests at once that change different keys lose no change', (processes) =>
    inWorld(processes, {}, async (world) => {
      const own = await visitor(world);
      await each((caller) => change(world, own, caller));
      const opened = await world.open(own);
      for (let caller = 0; caller < REQUESTS; caller++)
        assert.equal(
          opened?.[`key${String(caller)}`],
          caller,
          'what each of 20 requests at once has stored is there after all of them',
        );
    }),
  );

  rule('law 5: 20 increments at once count to 20', (processes) =>
    inWorld(processes, {}, async (world) => {
      const own = await visitor(world);
      await each(async (caller) => {
        const loaded = (await world.layer(caller).load(own.token)) as Session<Data>;
        await world.layer(caller).update(loaded, (draft) => {
          draft['count'] = Number(draft['count'] ?? 0) + 1;
        });
      });
      assert.equal((await world.open(own))?.['count'], REQUESTS, '20 increments at once count to 20');
    }),
  );

  rule('R58, law 6: of 19 requests and a logout at once nothing is left', (processes) =>
    inWorld(processes, {}, async (world) => {
      const own = await visitor(world);
      const loaded = (await world.layer().load(own.token)) as Session<Data>;
      await each(async (caller) => {
        if (caller === 7) await world.layer().destroy(loaded);
        else await change(world, own, caller).catch(isEnded);
      });
      assert.equal(
        await world.isAlive(own),
        false,
        'a session that was logged out is missing, whatever requests did at the same time',
      );
    }),
  );

  rule('R61: of 20 regenerations at once one session is left', (processes) =>
    inWorld(processes, {}, async (world) => {
      const own = await visitor(world);
      const given: Known[] = [own];
      const loaded = await each(async (caller) => (await world.layer(caller).load(own.token)) as Session<Data>);
      await each(async (caller) => {
        await world
          .layer(caller)
          .regenerate(loaded[caller] as Session<Data>)
          .then((next) => given.push(world.known(next)), isEnded);
      });
      assert.equal(
        (await alive(world, given)).length,
        1,
        'of a session that was regenerated 20 times at once one lives',
      );
    }),
  );
}

export function userRaceRules(rule: RuleOf<Processes>): void {
  rule('ASVS 7.1.2: of 20 logins at once no more sessions are left than the user may have', (processes) =>
    inWorld(processes, { max: MAX, onMax: 'evict' }, async (world) => {
      const given = await logins(world);
      const living = await alive(world, given);
      assert.ok(
        living.length >= 1 && living.length <= MAX,
        `after logins at once 1 to ${String(MAX)} sessions live; ${String(living.length)} do`,
      );
      await listsExactly(world, living);
    }),
  );

  rule('ASVS 7.1.2: of 20 logins at once as many are let in as the user may have sessions', (processes) =>
    inWorld(processes, { max: MAX, onMax: 'reject' }, async (world) => {
      const given = await logins(world);
      assert.equal(given.length, MAX, 'as many logins are let in as the user may have sessions');
      await listsExactly(world, await alive(world, given));
      assert.equal((await alive(world, given)).length, MAX, 'as many sessions live as logins were let in');
    }),
  );

  rule('R60, ASVS 7.4.3: after logins and sign-outs everywhere at once only what is listed lives', (processes) =>
    inWorld(processes, {}, async (world) => {
      const before = await logins(world);
      const given: Known[] = [];
      await each(async (caller) => {
        if (caller % 5 === 4) await world.layer(caller).destroyAll('ada');
        else await login(world, caller, given);
      });
      assert.deepEqual(await alive(world, before), [], 'no session from before a sign-out everywhere lives');
      await listsExactly(world, await alive(world, given));
      await world.layer().destroyAll('ada');
      assert.deepEqual(await alive(world, given), [], 'no session lives after a sign-out everywhere');
    }),
  );
}

async function inWorld(
  { stores, clock }: Processes,
  plan: WorldPlan,
  act: (world: World) => Promise<void>,
): Promise<void> {
  const world = new World(stores, clock, plan);
  try {
    await act(world);
  } finally {
    await world.close();
  }
}

function each<T>(call: (caller: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: REQUESTS }, (_, caller) => call(caller)));
}

async function visitor(world: World): Promise<Known> {
  const visited = world.visit();
  visited['planted'] = true;
  await visited.save();
  return world.known(visited);
}

async function change(world: World, own: Known, caller: number): Promise<void> {
  const loaded = await world.layer(caller).load<Data>(own.token);
  if (loaded === undefined) return;
  loaded[`key${String(caller)}`] = caller;
  await world.layer(caller).save(loaded);
}

/** The sessions of the logins that were let in. */
async function logins(world: World): Promise<Known[]> {
  const given: Known[] = [];
  await each((caller) => login(world, caller, given));
  return given;
}

async function login(world: World, caller: number, given: Known[]): Promise<void> {
  const signingIn = world.layer(caller).login(world.visit(caller), 'ada');
  await signingIn.then((session) => given.push(world.known(session)), isRefused);
}

function isRefused(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'TOO_MANY_SESSIONS') isEnded(error);
}

function isEnded(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'SESSION_ENDED') throw error;
}

async function alive(world: World, known: readonly Known[]): Promise<string[]> {
  const living = await Promise.all(known.map(async (one) => ((await world.isAlive(one)) ? [one.id] : [])));
  return living.flat().sort();
}

async function listsExactly(world: World, living: readonly string[]): Promise<void> {
  const listed = (await world.layer().list('ada')).map(({ id }) => id).sort();
  assert.deepEqual(listed, living, 'the list of the user is what lives');
}
