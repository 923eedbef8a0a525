import { pathText } from './codec/json.codec.js';

/** So many places of what does not fit are named; a schema may find thousands. */
const MAX_PLACES = 5;

/** The longest place that is named in full, in parts and in characters: the keys may be what a client sent. */
const MAX_PARTS = 20;
const MAX_PLACE = 100;

const THE_WHOLE = 'the data as a whole';

/** Stored data that can't be used here as they are. Does not leave the session layer. */
export class Misfit extends Error {
  override readonly name = 'Misfit';

  constructor(
    reason: string,
    /** Whether the schema or `migrate` does not work: that says nothing about the data. */
    readonly isFault: boolean,
    options?: { cause?: unknown },
  ) {
    super(reason, options);
  }
}

export function isMisfit(error: unknown): error is Misfit {
  return error instanceof Error && error.name === 'Misfit' && 'isFault' in error;
}

/**
 * Where data do not fit a schema, and what kind of thing stands there. Never the schema's own words: those of valibot
 * and arktype quote what they found.
 */
export function placesOf(issues: readonly unknown[], data: unknown): string {
  if (issues.length === 0) return THE_WHOLE;
  const places = new Set(issues.slice(0, MAX_PLACES).map((issue) => placeOf(keysOf(issue), data)));
  const more = issues.length > MAX_PLACES ? `, and ${String(issues.length - MAX_PLACES)} more` : '';
  return `${[...places].join(', ')}${more}`;
}

function placeOf(keys: readonly PropertyKey[], data: unknown): string {
  if (keys.length === 0) return THE_WHOLE;
  const shown = keys.map((key) => (typeof key === 'number' ? key : String(key)));
  return `"${shortened(pathText(shown))}" (${kindAt(keys, data)})`;
}

export function shortened(place: string): string {
  return place.length <= MAX_PLACE ? place : `${place.slice(0, MAX_PLACE)}…`;
}

/** The keys on the way to what an issue is about; a schema of one's own may give anything. */
function keysOf(issue: unknown): PropertyKey[] {
  const path: unknown = (issue as { path?: unknown } | undefined)?.path;
  if (!Array.isArray(path)) return [];
  return path.slice(0, MAX_PARTS).map((part: unknown) => {
    const key: unknown = typeof part === 'object' && part !== null ? (part as { key?: unknown }).key : part;
    return typeof key === 'number' || typeof key === 'symbol' ? key : String(key);
  });
}

function kindAt(keys: readonly PropertyKey[], data: unknown): string {
  let value = data;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return 'missing';
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
