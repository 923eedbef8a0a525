import { inspect } from 'node:util';
import { TokenSearch, type Finding } from './token-search.js';

/** A token that was written somewhere. */
interface Leak extends Finding {
  readonly place: string;
  readonly test: string;
  /** The code that wrote it. */
  readonly stack: string;
}

/** What can be seen of a value that is written: nothing is left out as too long or too deep. */
const SEEN = { depth: 12, maxArrayLength: null, maxStringLength: null } as const;

/** Hears what a spec and its applications write, and keeps only what is a leak (CVE-2023-20866). */
export class OutputWatch {
  private readonly leaks: Leak[] = [];

  constructor(
    readonly search = new TokenSearch(),
    private readonly currentTest: () => string | undefined = () => undefined,
  ) {}

  /** @param place where the values are written to, as a failure names it */
  hear(place: string, ...values: readonly unknown[]): void {
    for (const value of values) {
      const output = typeof value === 'string' || value instanceof Uint8Array ? value : inspect(value, SEEN);
      const finding = this.search.find(output);
      if (finding === undefined) continue;
      this.leaks.push({ ...finding, place, test: this.currentTest() ?? 'no test', stack: callers() });
    }
  }

  /** What was heard, for people. A line is often heard twice, by the logger and by the stream. */
  failures(): string[] {
    return this.leaks.map(
      ({ place, test, form, before, stack }) =>
        `A session token was written to ${place} (${form}), during or after "${test}":\n  ${before}[token]\n${stack}`,
    );
  }
}

/** The nearest code outside of this folder. */
function callers(): string {
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  return lines
    .filter((line) => !/support[/\\]leaks[/\\][\w-]+\.ts|node_modules|node:/.test(line))
    .slice(0, 4)
    .join('\n');
}
