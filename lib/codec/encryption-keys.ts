import { createSecretKey, type KeyObject } from 'node:crypto';
import { types } from 'node:util';
import { SessionConfigError } from '../session.errors.js';

/** A key of {@link encrypted}. */
export interface EncryptionKey {
  /** Stands, readable, in each record that was sealed with the key: 1 to 32 letters, digits, `-` or `_`. */
  readonly id: string;
  /** 32 random bytes, as they are or as base64, base64url or hex. Not a passphrase. */
  readonly key: string | Uint8Array | KeyObject;
}

const BYTES = 32;

const KEY_ID = /^[\w-]{1,32}$/;

const HEX = /^[\da-f]{64}$/i;

/** Each with or without its padding; the last character carries 4 bits, the other two are 0. */
const BASE64 = /^[A-Za-z\d+/]{42}[AEIMQUYcgkosw048]=?$/;
const BASE64URL = /^[\w-]{42}[AEIMQUYcgkosw048]=?$/;

const TAKES =
  '32 random bytes as a Uint8Array, a secret KeyObject, or text in base64, base64url or hex (openssl rand -base64 32)';

/** Of 32 random bytes 30 differ on average; fewer than 16 differ in one of 10^20. */
const MIN_DISTINCT = 16;

/** Whether a record can name a key so. */
export function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && KEY_ID.test(value);
}

/**
 * The keys by their ids, in the order given.
 *
 * @throws SessionConfigError `INVALID_OPTION`; it says which key is wrong, and shows none
 */
export function encryptionKeys(keys: unknown): ReadonlyMap<string, KeyObject> {
  const takes = "a list of { id, key }, of which the first seals and all open: [{ id: '2026-11', key }]";
  if (!Array.isArray(keys)) return refuse('keys', takes, kindOf(keys));
  if (keys.length === 0) refuse('keys', takes, 'an empty list');
  const byId = new Map<string, KeyObject>();
  for (const [index, entry] of (keys as unknown[]).entries()) {
    const place = `keys[${String(index)}]`;
    if (typeof entry !== 'object' || entry === null || types.isUint8Array(entry) || types.isKeyObject(entry)) {
      refuse(place, 'an object { id, key }', kindOf(entry));
    }
    checkNames(entry, ['id', 'key'], place);
    const { id, key } = entry as Partial<Record<keyof EncryptionKey, unknown>>;
    // An id in the place of a key is one mix-up away: it is not shown either.
    if (!isKeyId(id)) refuse(`${place}.id`, '1 to 32 letters, digits, - or _', kindOf(id));
    if (byId.has(id)) refuse(`${place}.id`, 'an id of its own', 'that of another key');
    byId.set(id, keyOf(key, `${place}.key`));
  }
  return byId;
}

/** @throws SessionConfigError `INVALID_OPTION` for a name that there is not */
export function checkNames(value: object, names: readonly string[], place?: string): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  refuse(place === undefined ? 'options' : place, `${names.join(', ')} only`, `"${unknown}"`);
}

/** What kind of thing this is; never the thing itself: whatever is handed over by mistake may be a key. */
export function kindOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'empty text' : `text of ${String(value.length)} characters`;
  if (types.isUint8Array(value)) return `${String(value.length)} bytes`;
  if (types.isKeyObject(value)) {
    return value.type === 'secret'
      ? `a KeyObject of ${String(value.symmetricKeySize)} bytes`
      : `a ${value.type} KeyObject`;
  }
  if (types.isCryptoKey(value)) return 'a CryptoKey';
  if (Array.isArray(value)) return 'a list';
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function refuse(name: string, takes: string, came: string): never {
  throw new SessionConfigError('INVALID_OPTION', `encrypted ${name}: takes ${takes}; got ${came}.`);
}

function keyOf(given: unknown, place: string): KeyObject {
  const bytes = bytesOf(given);
  if (bytes?.length !== BYTES) return refuse(place, TAKES, kindOf(given));
  // Random bytes are no text: in 10^13 keys there is one such.
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) refuse(place, TAKES, 'a passphrase: 32 bytes of plain text');
  if (new Set(bytes).size < MIN_DISTINCT) refuse(place, TAKES, '32 bytes of which most are the same');
  return createSecretKey(bytes);
}

function bytesOf(given: unknown): Uint8Array | undefined {
  if (types.isUint8Array(given)) return given;
  if (types.isKeyObject(given)) return given.type === 'secret' ? given.export() : undefined;
  if (typeof given !== 'string') return undefined;
  if (HEX.test(given)) return Buffer.from(given, 'hex');
  return BASE64.test(given) || BASE64URL.test(given) ? Buffer.from(given, 'base64') : undefined;
}
