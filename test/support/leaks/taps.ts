import { createRequire } from 'node:module';
import type { TokenSearch } from './token-search.js';
import type { OutputWatch } from './output-watch.js';

/** Puts things back as they were. */
export type Undo = () => void;

type Method = (...args: unknown[]) => unknown;

/** Of a token; nothing else of the product is as long. */
const TOKEN_BYTES = 32;

/**
 * Learns every token that is made from now on: whatever the random source gives is passed on as it is. To be called
 * before `node:crypto` is imported anywhere in the realm, because an import takes the functions as they are then.
 */
export function learnTokens(search: TokenSearch): Undo {
  const crypto = createRequire(import.meta.url)('node:crypto') as Record<'randomBytes', Method>;
  return tap(crypto, 'randomBytes', (_args, result) => {
    if (Buffer.isBuffer(result) && result.length === TOKEN_BYTES) search.learn(result.toString('base64url'));
  });
}

/** Hears what is written to the streams of the process and to the console. */
export function hearProcess(watch: OutputWatch): Undo {
  const undo = (['stdout', 'stderr'] as const).map((name) =>
    tap(process[name] as unknown as Record<'write', Method>, 'write', ([chunk]) =>
      watch.hear(`process.${name}`, chunk),
    ),
  );
  const methods = ['debug', 'dir', 'error', 'group', 'info', 'log', 'table', 'trace', 'warn'] as const;
  const console = globalThis.console as unknown as Record<(typeof methods)[number], Method>;
  undo.push(...methods.map((name) => tap(console, name, (args) => watch.hear(`console.${name}`, ...args))));
  return () => undo.forEach((step) => step());
}

/** Lets a method run as it is, and looks at what went in and came out. */
function tap<Name extends string>(
  object: Record<Name, Method>,
  name: Name,
  look: (args: unknown[], result: unknown) => void,
): Undo {
  const original = object[name];
  const tapped: Method = function (this: unknown, ...args) {
    const result = original.apply(this, args);
    look(args, result);
    return result;
  };
  object[name] = tapped;
  return () => {
    // A spec may have put its own in the place, and puts ours back later.
    if (object[name] === tapped) object[name] = original;
  };
}
