import assert from 'node:assert/strict';

/** Random choices that are the same for the same seed, on every machine: mulberry32 (Tommy Ettinger, public domain). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** A whole number of at least 0 and less than `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(...choice: readonly T[]): T {
    return choice[this.below(choice.length)] as T;
  }

  /** Picks a key as often as its weight says. */
  weighed<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries<number>(weights) as [K, number][];
    let left = this.below(entries.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    throw new RangeError('weights must be whole numbers of at least 0, and not all 0');
  }

  /** Some of them, in any order. */
  some<T>(...choice: readonly T[]): T[] {
    const rest = [...choice];
    const count = this.below(rest.length + 1);
    return Array.from({ length: count }, () => rest.splice(this.below(rest.length), 1)[0] as T);
  }
}

/** Carries out random steps; a failure tells the seed and the steps that led to it. */
export async function takeSteps(
  seed: number,
  count: number,
  step: (random: Random, note: (text: string) => void) => Promise<void>,
): Promise<void> {
  const random = new Random(seed);
  const steps: string[] = [];
  for (let number = 0; number < count; number++) {
    try {
      await step(random, (text) => void steps.push(text));
    } catch (error) {
      throw withHistory(error, `seed ${String(seed)}, after`, steps);
    }
  }
}

/** The same failure with what led to it; all runners show the message, and some the difference. */
export function withHistory(error: unknown, title: string, steps: readonly string[]): Error {
  const message = error instanceof Error ? error.message : String(error);
  const text = `${message}\n\n${title}:\n${steps.map((one, index) => `  ${String(index + 1)}. ${one}`).join('\n')}`;
  if (!(error instanceof assert.AssertionError)) return new Error(text, { cause: error });
  const { actual, expected } = error;
  // With the operator the message would have the difference once more, below the steps.
  return new assert.AssertionError({ message: text, actual, expected, operator: 'fail' });
}
