import { setImmediate as settled } from 'node:timers/promises';

/** Picks one of several ways to go on, by number. */
export type Choose = (ways: number) => number;

/** Runs a program once for every sequence of choices that it can be given; tells how many there were. */
export async function everyWay(run: (choose: Choose) => Promise<void>): Promise<number> {
  const path: { choice: number; ways: number }[] = [];
  let runs = 0;
  do {
    let depth = 0;
    await run((ways) => {
      const point = (path[depth++] ??= { choice: 0, ways });
      if (point.ways !== ways) throw new Error('The program under test is not deterministic.');
      return point.choice;
    });
    runs++;
    let last = path.at(-1);
    while (last !== undefined && last.choice + 1 >= last.ways) {
      path.pop();
      last = path.at(-1);
    }
    if (last !== undefined) last.choice++;
  } while (path.length > 0);
  return runs;
}

/** Carries out the atomic steps of a store one at a time, in the order that is chosen. */
export class Scheduler {
  /** What was carried out so far, for messages. */
  readonly trace: string[] = [];
  private readonly waiting: { name: string; run: () => void }[] = [];
  private running = false;

  /** A step: carried out at once before and after `run`, else when its turn comes. */
  step<T>(name: string, act: () => T): Promise<T> {
    if (!this.running) return Promise.resolve(act());
    return new Promise((resolve) => {
      this.waiting.push({
        name,
        run: () => {
          resolve(act());
        },
      });
    });
  }

  /** Starts programs and steps them to their end; `check` runs after each step. */
  async run(programs: (() => Promise<void>)[], choose: Choose, check: () => void): Promise<void> {
    this.running = true;
    const ends = programs.map((program) => program());
    // Nothing but the store makes these programs wait, so after a turn of the event loop all stand at a step.
    await settled();
    while (this.waiting.length > 0) {
      const [next] = this.waiting.splice(choose(this.waiting.length), 1);
      this.trace.push(next?.name ?? '');
      next?.run();
      await settled();
      check();
    }
    this.running = false;
    await Promise.all(ends);
  }
}
