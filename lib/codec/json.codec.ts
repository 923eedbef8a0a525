import { SessionDataError } from '../session.errors.js';
import type { SessionCodec } from './session-codec.js';

/** How deep data may nest. Far above what sessions hold, far below what overflows the stack. */
const MAX_DEPTH = 200;

/** JSON, with a refusal of everything that JSON would silently alter. The default codec. */
export const jsonCodec: SessionCodec = {
  encode(data) {
    checkMembers(data, undefined, 1, data);
    return JSON.stringify(data);
  },

  decode(text) {
    const data: unknown = JSON.parse(text);
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw new SessionDataError('DATA_UNREADABLE', 'The stored data is not a JSON object.');
    }
    return data as Record<string, unknown>;
  },
};

/**
 * One member of data as it stands in its text, which is these with commas in between and braces around; undefined where
 * there is nothing to be stored.
 */
export function encodeMember(data: Readonly<Record<string, unknown>>, key: string): string | undefined {
  checkMember(data, key, undefined, 1, data);
  const value = JSON.stringify(data[key]) as string | undefined;
  return value === undefined ? undefined : `${JSON.stringify(key)}:${value}`;
}

/** A deep copy of what `decode` gave: lists and plain objects, in which `__proto__` is a key like others. */
export function copyOf(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  // Only other programs can have stored such data: JSON's own way does without the stack.
  if (depth > MAX_DEPTH) return JSON.parse(JSON.stringify(value));
  if (Array.isArray(value)) return value.map((member) => copyOf(member, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') Object.defineProperty(copy, key, { ...OWN, value: copyOf(member, depth + 1) });
    else copy[key] = copyOf(member, depth + 1);
  }
  return copy;
}

const OWN = { configurable: true, enumerable: true, writable: true };

/** Where the walk is: only built for objects, so flat data costs nothing. */
interface Place {
  readonly value: object;
  readonly key: string | number;
  readonly parent: Place | undefined;
}

function check(value: unknown, key: string | number, parent: Place | undefined, depth: number, root: object): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'undefined':
      if (typeof key === 'number') refuse('undefined in an array', 'use null', key, parent);
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(String(value), 'use null or leave it out', key, parent);
      if (Object.is(value, -0)) refuse('-0', 'use 0', key, parent);
      return;
    case 'bigint':
      return refuse('a BigInt', 'store it as a string', key, parent);
    case 'function':
      return refuse('a function', 'store data only', key, parent);
    case 'symbol':
      return refuse('a symbol', 'store its description', key, parent);
    case 'object':
      if (value !== null) checkObject(value, { value, key, parent }, depth, root);
  }
}

function checkObject(value: object, place: Place, depth: number, root: object): void {
  if (depth > MAX_DEPTH) refuseDepth(place, root);
  if (Array.isArray(value)) {
    // Keys besides the elements, and what a subclass adds, would be lost.
    if (Object.keys(value).length > value.length || !isPlain(value, 1)) {
      refuse(
        `${nameOf(value)} that is more or less than a list of elements`,
        'store [...array]',
        place.key,
        place.parent,
      );
    }
    if (hasToJson(value)) refuse('an array with a toJSON method', 'store what it gives', place.key, place.parent);
    for (let index = 0; index < value.length; index++) {
      check(value[index], index, place, depth + 1, root);
    }
    return;
  }
  if (!isPlain(value, 0)) refuse(nameOf(value), remedyFor(value), place.key, place.parent);
  if (Object.getOwnPropertySymbols(value).length > 0) {
    refuse('an object with a symbol as a key', 'use strings as keys', place.key, place.parent);
  }
  if (hasToJson(value)) refuse('an object with a toJSON method', 'store what it gives', place.key, place.parent);
  checkMembers(value, place, depth + 1, root);
}

function checkMembers(value: object, place: Place | undefined, depth: number, root: object): void {
  for (const key of Object.keys(value)) checkMember(value, key, place, depth, root);
}

function checkMember(value: object, key: string, place: Place | undefined, depth: number, root: object): void {
  let member: unknown;
  try {
    member = (value as Record<string, unknown>)[key];
  } catch (cause) {
    refuse('a getter that throws', 'store its value', key, place, cause);
  }
  check(member, key, place, depth, root);
}

/**
 * Whether an object literal (0) or an array (1) made this: how many prototypes stand between its own
 * and the root's. Identity does not tell, because Jest and vm contexts have prototypes of their own.
 */
function isPlain(value: object, levels: 0 | 1): boolean {
  let prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return levels === 0;
  if (prototype === Array.prototype) return levels === 1;
  for (let level = 0; level < levels; level++) prototype = Object.getPrototypeOf(prototype);
  return (
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, 'hasOwnProperty')
  );
}

function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function refuseDepth(place: Place, root: object): never {
  for (let up = place.parent; up !== undefined; up = up.parent) {
    if (up.value === place.value) refuse('a cycle', 'store ids instead of references', up.key, up.parent);
  }
  if (place.value === root) refuse('a cycle', 'store ids instead of references', place.key, place.parent);
  refuse(`nesting deeper than ${String(MAX_DEPTH)} levels`, 'store less or flatter data', topOf(place), undefined);
}

function topOf(place: Place): string | number {
  let top = place;
  while (top.parent !== undefined) top = top.parent;
  return top.key;
}

function nameOf(value: object): string {
  const constructor: unknown = value.constructor;
  return typeof constructor === 'function' && constructor.name !== ''
    ? `an instance of ${constructor.name}`
    : 'an object with a prototype of its own';
}

function remedyFor(value: object): string {
  if (value instanceof Date) return 'store date.toISOString() or date.getTime()';
  if (value instanceof Map) return 'store Object.fromEntries(map) or [...map]';
  if (value instanceof Set) return 'store [...set]';
  if (value instanceof Uint8Array) return "store Buffer.from(bytes).toString('base64')";
  return 'store a plain object, or set a codec that carries it';
}

function refuse(what: string, remedy: string, key: string | number, parent: Place | undefined, cause?: unknown): never {
  throw new SessionDataError(
    'DATA_NOT_STORABLE',
    `The session can't store ${what} at "${pathOf(key, parent)}": ${remedy}.`,
    cause === undefined ? undefined : { cause },
  );
}

function pathOf(key: string | number, parent: Place | undefined): string {
  const keys: (string | number)[] = [key];
  for (let up = parent; up !== undefined; up = up.parent) keys.unshift(up.key);
  return pathText(keys);
}

/** Where something stands in data, as JavaScript writes it: `cart.items[0].price`. */
export function pathText(keys: readonly (string | number)[]): string {
  return keys.reduce<string>(
    (path, part) => (typeof part === 'number' ? `${path}[${String(part)}]` : path === '' ? part : `${path}.${part}`),
    '',
  );
}
