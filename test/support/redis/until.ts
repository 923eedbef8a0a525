// eslint-disable-next-line no-restricted-imports -- polls a real server's state under a deadline; no test waits by it
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Looks again and again until `look` gives something other than `undefined` or `false`, and gives that. For the state of
 * real servers, which tell nobody when they get there. A `look` that throws has not seen it yet.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  milliseconds = 20_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + milliseconds;
  let cause: unknown;
  do {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(15);
  } while (performance.now() < deadline);
  throw new Error(`Not within ${milliseconds} ms: ${what}`, { cause });
}
