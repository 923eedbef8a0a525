import { serialize } from 'node:v8';
import { inspect, type InspectOptions } from 'node:util';
import { OutputWatch } from '../../support/leaks/output-watch.js';
import { watch } from '../../support/leaks/realm.js';
import type { Answer } from '../../support/client.js';
import type { Way } from './ways.js';

const ALL: InspectOptions = { depth: Infinity, maxArrayLength: null, maxStringLength: null };
/** How code looks at a value, short of knowing what it looks for. Some ways fail for some values. */
const GLANCES: readonly ((value: unknown) => unknown)[] = [
  (value) => inspect(value),
  (value) => inspect(value, ALL),
  (value) => inspect(value, { ...ALL, showHidden: true, showProxy: true }),
  (value) => inspect(value, { ...ALL, showHidden: true, getters: true }),
  (value) => JSON.stringify(value),
  (value) => String(value),
  (value) => inspect(structuredClone(value), ALL),
  (value) => serialize(value),
  (value) => inspect(structuredClone({ ...(value as object) }), ALL),
  (value) => serialize({ ...(value as object) }),
  (value) =>
    Reflect.ownKeys(value as object)
      .map(String)
      .join(),
  (value) => (value as Error).stack,
];

/** Looks at whatever can be reached without the named place, `SessionService.info().token`, and keeps what leaks. */
export class Looking {
  /** Every token that was issued, in this process. */
  readonly tokens = new Set<string>();
  /** How much was looked at, in characters or bytes: a test that looks at nothing proves nothing. */
  seen = 0;
  readonly #watch = new OutputWatch(watch.search, () => this.doing);
  /** What a failure names. */
  doing = 'boot';

  /** Looks at a value in every way. */
  at(place: string, value: unknown): void {
    for (const glance of GLANCES) {
      try {
        this.hear(place, glance(value) ?? '');
      } catch {
        // Not every value can be cloned, or has keys.
      }
    }
  }

  /** Looks into what the application is made of: not all the way, because drivers hold whole object graphs. */
  into(place: string, value: unknown): void {
    this.hear(place, inspect(value, { ...ALL, depth: 7, showHidden: true }));
  }

  hear(place: string, output: unknown): void {
    const text = typeof output === 'string' || output instanceof Uint8Array ? output : inspect(output, ALL);
    this.seen += text.length;
    this.#watch.hear(place, text);
  }

  /** An answer may hold a token once, in the header meant for it. */
  answer({ rawHeaders, statusMessage, text, trailers }: Answer, way: Way): void {
    let carried = 0;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
      if (carries(way, name, value) && carried++ === 0) continue;
      this.hear(`the header ${name}`, `${name}: ${value}`);
    }
    this.hear('the status line', statusMessage);
    this.hear('the body', text);
    this.hear('the trailers', trailers);
  }

  failures(): string[] {
    return this.#watch.failures();
  }
}

function carries({ name, vary }: Way, header: string, value: string): boolean {
  if (name === 'cookie') return /^set-cookie$/i.test(header) && /^(__Host-sid|connect\.sid)=/.test(value);
  return header.toLowerCase() === (name === 'bearer' ? 'x-auth-token' : vary.toLowerCase());
}
