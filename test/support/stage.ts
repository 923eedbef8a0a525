import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as settled } from 'node:timers/promises';
import type { Access, Option, Pick } from './orders.js';

/** What befalls a program at one of its steps, by number from 1. */
export interface Fate {
  readonly program: number;
  readonly step: number;
  /**
   * `killed`: the step is carried out, and the program stops for ever. `process killed`: with all
   * others. `refused`: the step is not carried out, and fails. `reply lost`: it is, and fails all the same.
   */
  readonly what: 'killed' | 'process killed' | 'refused' | 'reply lost';
}

const CALL = 'call';

/** For a step that can't change places with any other. */
export const ALL: readonly Access[] = [{ name: '*', mode: 'write' }];

interface Actor {
  readonly number: number;
  asked: number;
  carriedOut: number;
  isDead: boolean;
}

interface Waiting extends Option {
  readonly name: string;
  readonly actor: Actor;
  readonly act: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Which program asks. One for all stages: each more would cost every promise of the process. */
const ACTING = new AsyncLocalStorage<Actor>();

/** Carries out the steps of concurrent programs one at a time, in the order that is picked. */
export class Stage {
  /** What was carried out so far, for messages. */
  readonly trace: string[] = [];
  /** The step at which the fate came, if it came. */
  struck: string | undefined;
  /** Whether the play is being broken up: what fails now fails for that reason. */
  isOver = false;
  private waiting: Waiting[] = [];
  private hanging: Waiting[] = [];

  /** The number of the program that asks; undefined outside of programs. */
  get program(): number | undefined {
    return ACTING.getStore()?.number;
  }

  /** A step of the program that asks for it; outside of programs it is carried out at once. */
  async step<T>(name: string, accesses: readonly Access[], act: () => T): Promise<Awaited<T>> {
    const actor = ACTING.getStore();
    if (actor === undefined) return await act();
    if (actor.isDead) throw new Error('This program is dead.');
    const label = `${String(actor.number)}.${String(++actor.asked)}`;
    return (await new Promise<unknown>((resolve, reject) => {
      this.waiting.push({ label, program: actor.number, accesses, name, actor, act, resolve, reject });
    })) as Awaited<T>;
  }

  /** A call that decides who goes first, and can't fail: nothing befalls a program at it. */
  call(accesses: readonly Access[], act: () => unknown): Promise<unknown> {
    return this.step(CALL, accesses, act);
  }

  /**
   * Starts programs and takes them to their end, but for those that die. `check` runs after each step.
   *
   * @returns false when it was broken off
   */
  async run(
    programs: readonly (() => Promise<void>)[],
    pick: Pick,
    fate: Fate | undefined,
    check: () => unknown,
  ): Promise<boolean> {
    const actors = programs.map((_, number): Actor => ({ number, asked: 0, carriedOut: 0, isDead: false }));
    const ends = programs.map((program, number) => ACTING.run(actors[number] as Actor, program));
    // Nothing but steps makes these programs wait, so after a turn of the event loop all stand at one.
    await settled();
    while (this.waiting.length > 0) {
      const index = pick(this.options(fate));
      if (index === undefined) break;
      const [next] = this.waiting.splice(index, 1) as [Waiting];
      await this.carryOut(next, fate, actors);
      await settled();
      await check();
    }
    const isWhole = this.waiting.length === 0;
    // What still waits must end, but can do nothing any more.
    this.isOver = true;
    for (const actor of actors) actor.isDead = true;
    for (const { reject } of [...this.waiting, ...this.hanging]) reject(new Error('This program is dead.'));
    await Promise.all(ends);
    this.isOver = false;
    return isWhole;
  }

  /** Where all stop together with one, its step can't change places with any. */
  private options(fate: Fate | undefined): readonly Option[] {
    if (fate?.what !== 'process killed') return this.waiting;
    return this.waiting.map((step) => (isHit(step, fate) ? { ...step, accesses: ALL } : step));
  }

  /** Resolves when the step is done: a store that is elsewhere takes its time. */
  private async carryOut(step: Waiting, fate: Fate | undefined, actors: readonly Actor[]): Promise<void> {
    const { actor, name, act, resolve, reject } = step;
    const isStruck = fate !== undefined && isHit(step, fate);
    if (name !== CALL) actor.carriedOut++;
    this.trace.push(`${String(actor.number)} ${name}${isStruck ? ` (${fate.what})` : ''}`);
    if (!isStruck) {
      await answer(act, resolve, reject);
      return;
    }
    this.struck = name;
    if (fate.what === 'refused') {
      reject(new Error('injected'));
      return;
    }
    await act();
    if (fate.what === 'reply lost') {
      reject(new Error('injected'));
      return;
    }
    const dying = fate.what === 'killed' ? [actor] : actors;
    for (const one of dying) one.isDead = true;
    this.hanging.push(step, ...this.waiting.filter((other) => dying.includes(other.actor)));
    this.waiting = this.waiting.filter((other) => !dying.includes(other.actor));
  }
}

async function answer(
  act: () => unknown,
  resolve: (value: unknown) => void,
  reject: (reason: unknown) => void,
): Promise<void> {
  try {
    resolve(await act());
  } catch (error) {
    reject(error);
  }
}

function isHit({ actor, name }: Waiting, fate: Fate): boolean {
  return name !== CALL && fate.program === actor.number && fate.step === actor.carriedOut + 1;
}
