import { isDeepStrictEqual } from 'node:util';
import { pathText } from './codec/json.codec.js';
import { classOf } from './error-text.js';
import type { Data } from './session.diff.js';
import { isDataError, SessionDataError } from './session.errors.js';
import { isMisfit, Misfit, placesOf, shortened } from './session.misfit.js';
import type { ResolvedSessionOptions } from './session.options.js';
import type { DataSchema } from './session.schema.js';
import { RESERVED_NAMES } from './session.js';
import { isPromise } from './stores/awaitable.js';

type Terms = Pick<ResolvedSessionOptions, 'codec' | 'schema'>;
type TermsWithSchema = Terms & { readonly schema: DataSchema };

/** Data as handlers get them. */
export interface ReadData {
  readonly data: Data;
  /** The same as text: what is stored, unless the schema or `migrate` made something else of it. */
  readonly text: string;
}

/**
 * What stored text is as data, by the schema where there is one.
 *
 * @throws Misfit when the schema does not take them, or does not work
 * @throws what the codec throws when there are no data in it
 */
export function dataOf(terms: Terms, text: string): ReadData {
  if (!hasSchema(terms)) return { data: terms.codec.decode(text), text };
  const read = readBy(terms, text);
  if (!('refused' in read)) return read;
  const { migrate } = terms.schema;
  if (migrate === undefined) throw new Misfit(`its data do not fit the schema: ${read.refused}`, false);
  const again = readBy(terms, migrated(terms, migrate, text));
  if (!('refused' in again)) return again;
  throw new Misfit(`what migrate gives of its data does not fit the schema: ${again.refused}`, false);
}

/**
 * Refuses text that the schema would not give back as it is, when it is loaded again (law 11).
 *
 * @throws SessionDataError `DATA_MISMATCH`, `SCHEMA_FAILED`
 */
export function checkStorable(terms: Terms, text: string): void {
  if (!hasSchema(terms)) return;
  try {
    const found = givenBack(terms, text, "The session's data do not fit the schema");
    // It may fill in what is missing, as long as it takes that itself.
    if (found !== text) givenBack(terms, found, 'The schema refuses what it makes itself of the data of the session');
  } catch (error) {
    if (!isMisfit(error)) throw error;
    throw new SessionDataError('SCHEMA_FAILED', `The session can't be stored: ${error.message}.`, {
      cause: error.cause,
    });
  }
}

function hasSchema(terms: Terms): terms is TermsWithSchema {
  return terms.schema !== undefined;
}

/** The text of what a request finds that loads this text. */
function givenBack(terms: TermsWithSchema, text: string, complaint: string): string {
  const found = readBy(terms, text);
  if ('refused' in found) {
    const remedy = 'assign what the schema takes, or make optional in it what comes later';
    throw mismatch(`${complaint}: ${found.refused}. Nothing was stored: ${remedy}.`);
  }
  if (found.text === text) return text;
  const place = alteredAt(terms.codec.decode(text), found.data);
  if (place === undefined) return found.text;
  throw mismatch(
    `The schema would change the session's data at "${shortened(pathText(place))}" when they are loaded. Nothing was ` +
      'stored: assign what the schema makes of it (its output), without keys that it does not name.',
  );
}

function mismatch(message: string): SessionDataError {
  return new SessionDataError('DATA_MISMATCH', message);
}

function readBy(terms: TermsWithSchema, text: string): ReadData | { readonly refused: string } {
  const given = terms.codec.decode(text);
  try {
    return madeOf(terms, given, text);
  } catch (cause) {
    // Only what the codec throws may end a session: data thousands deep overflow the stack, and results may have getters.
    throw isMisfit(cause) ? cause : fault('the schema', `gives what can't be compared: ${classOf(cause)}`, cause);
  }
}

/** What the schema makes of data, which it may change. */
function madeOf(
  { codec, schema }: TermsWithSchema,
  given: Data,
  text: string,
): ReadData | { readonly refused: string } {
  withholdReserved(given);
  const verdict = Object.keys(given).length === 0 ? undefined : verdictOn(schema, given);
  // The schema may have changed what it was given, and may give one object to many: handlers get their own.
  const stored = codec.decode(text);
  // No data yet: there is nothing that could be wrong, and nothing is filled in.
  if (verdict === undefined) return { data: stored, text };
  if ('issues' in verdict) return { refused: placesOf(verdict.issues, stored) };
  const { output } = verdict;
  if (isWithin(output, stored)) return { data: stored, text };
  // What the schema does not know stays: other versions and middleware have keys of their own.
  const whole = encoded(codec, 'the schema', { ...stored, ...output });
  return { data: codec.decode(whole), text: whole };
}

function isWithin(output: Data, stored: Data): boolean {
  return Object.keys(output).every((key) => Object.hasOwn(stored, key) && isDeepStrictEqual(output[key], stored[key]));
}

function verdictOn(
  schema: DataSchema,
  data: Data,
): { readonly issues: readonly unknown[] } | { readonly output: Data } {
  const result = called('the schema', () => schema.validate(data));
  // What arktype gives of data that do not fit is an array.
  if (typeof result !== 'object' || result === null)
    throw fault('the schema', 'gives no result: it is no Standard Schema');
  const { issues, value } = result as { issues?: unknown; value?: unknown };
  if (Array.isArray(issues)) return { issues };
  return { output: isObject(value) ? value : noObject('the schema') };
}

function migrated({ codec }: TermsWithSchema, migrate: (old: Data) => unknown, text: string): string {
  const old = codec.decode(text);
  withholdReserved(old);
  const given = called('migrate', () => migrate(old));
  return encoded(codec, 'migrate', isObject(given) ? given : noObject('migrate'));
}

function called(who: string, call: () => unknown): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (cause) {
    throw fault(who, `threw ${classOf(cause)}`, cause);
  }
  if (!isPromise(result)) return result;
  result.then(undefined, () => undefined);
  throw fault(who, 'gives a promise: take one that is synchronous');
}

function encoded(codec: Terms['codec'], who: string, data: Data): string {
  try {
    return codec.encode(data);
  } catch (cause) {
    const why = isDataError(cause) ? cause.message : `the codec threw ${classOf(cause)}`;
    throw fault(who, `gives what can't be stored: ${why}`, cause);
  }
}

function fault(who: string, what: string, cause?: unknown): Misfit {
  return new Misfit(`${who} ${what}`, true, { cause });
}

function noObject(who: string): never {
  throw fault(who, 'gives something else than an object of data');
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Only other programs can have stored such names; they are told where the data are taken in. */
function withholdReserved(data: Data): void {
  for (const name of RESERVED_NAMES) Reflect.deleteProperty(data, name);
}

/** The keys on the way to the first value that is not the same; objects may have got more keys. */
function alteredAt(before: unknown, after: unknown): (string | number)[] | undefined {
  if (Object.is(before, after)) return undefined;
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return firstOf(before.keys(), (index) => alteredAt(before[index], after[index]));
  }
  if (isPlain(before) && isPlain(after)) {
    return firstOf(Object.keys(before), (key) =>
      Object.hasOwn(after, key) || before[key] === undefined ? alteredAt(before[key], after[key]) : [],
    );
  }
  return isDeepStrictEqual(before, after) ? undefined : [];
}

function firstOf<Key extends string | number>(
  keys: Iterable<Key>,
  find: (key: Key) => (string | number)[] | undefined,
): (string | number)[] | undefined {
  for (const key of keys) {
    const rest = find(key);
    if (rest !== undefined) return [key, ...rest];
  }
  return undefined;
}

/** An object of keys, not one such as a Date that a codec carries. */
function isPlain(value: unknown): value is Data {
  return isObject(value) && Object.prototype.toString.call(value) === '[object Object]';
}
