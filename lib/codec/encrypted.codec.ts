import { createCipheriv, createDecipheriv, createHmac, randomBytes, type KeyObject } from 'node:crypto';
import { hasMethods } from '../session.checks.js';
import { SessionDataError, SessionUsageError } from '../session.errors.js';
import { checkNames, encryptionKeys, isKeyId, kindOf, refuse, type EncryptionKey } from './encryption-keys.js';
import { jsonCodec } from './json.codec.js';
import type { PlainText, SealContext, SealOpening, SessionCodec } from './session-codec.js';

/** Options of {@link encrypted}. */
export interface EncryptedOptions {
  /** The first seals, all open: to rotate, put a new one in front, and leave the old one for `absoluteTimeout`. */
  keys: readonly EncryptionKey[];
  /** How data becomes text before it is sealed. Default `jsonCodec`. */
  codec?: SessionCodec | undefined;
  /**
   * Sessions that are not encrypted: `'refuse'` removes them, `'read'` reads them and encrypts them at their
   * next write, `'write'` stores all sessions so and only opens encrypted ones: the step before turning
   * encryption on in several processes, and the way to turn it off. Default `'refuse'`.
   */
  plainText?: PlainText | undefined;
}

const PLAIN_TEXT: readonly unknown[] = ['refuse', 'read', 'write'] satisfies PlainText[];

const CIPHER = 'aes-256-gcm';
/** In bytes, as NIST SP 800-38D recommends them. */
const NONCE = 12;
const TAG = 16;

/** What the keys that are derived here are for: they are other ones than those of anybody else with the same key. */
const PURPOSE = 'nestjs-token-session: the seal of session ';

const BROKEN: SealOpening = { kind: 'broken' };

/**
 * A codec that encrypts what the store gets of a session but its id, user and times (AES-256-GCM). A
 * record opens only where it was stored, for the same user, and with the same limits.
 *
 * ```ts
 * codec: encrypted({ keys: [{ id: '2026-11', key: process.env['SESSION_KEY'] ?? '' }] })
 * ```
 *
 * @throws SessionConfigError `INVALID_OPTION`; it shows no key
 */
export function encrypted(options: EncryptedOptions): SessionCodec {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) refuse('options', 'an object with keys', kindOf(given));
  checkNames(given, ['keys', 'codec', 'plainText']);
  const { keys, codec = jsonCodec, plainText = 'refuse' } = options;
  if (!hasMethods(codec, ['encode', 'decode'])) refuse('codec', 'an object with encode and decode', kindOf(codec));
  if (codec.seal !== undefined) refuse('codec', 'one that does not seal itself', 'one that does');
  if (!PLAIN_TEXT.includes(plainText)) refuse('plainText', "'refuse', 'read' or 'write'", kindOf(plainText));
  return new EncryptedCodec(encryptionKeys(keys), codec, plainText);
}

class EncryptedCodec implements SessionCodec {
  /** Private to inspect and JSON too. */
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #first: readonly [id: string, key: KeyObject];
  readonly #codec: SessionCodec;

  constructor(
    keys: ReadonlyMap<string, KeyObject>,
    codec: SessionCodec,
    readonly plainText: PlainText,
  ) {
    this.#keys = keys;
    this.#first = [...keys][0] as [string, KeyObject];
    this.#codec = codec;
  }

  encode(data: Readonly<Record<string, unknown>>): string {
    const text = this.#codec.encode(data);
    if (text.isWellFormed()) return text;
    const reason =
      'The codec gave text with half a character (a lone surrogate), which can not be encrypted: escape it.';
    throw new SessionDataError('DATA_NOT_STORABLE', reason);
  }

  decode(text: string): Record<string, unknown> {
    return this.#codec.decode(text);
  }

  seal(text: string, context: SealContext): string {
    const [keyId, key] = this.#first;
    const nonce = newNonce();
    const cipher = createCipheriv(CIPHER, keyOfSession(key, context), nonce, { authTagLength: TAG });
    cipher.setAAD(boundTo(context));
    const bytes = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${keyId}.${bytes.toString('base64url')}`;
  }

  open(sealed: string, context: SealContext): SealOpening {
    const dot = sealed.indexOf('.');
    const keyId = sealed.slice(0, Math.max(0, dot));
    if (!isKeyId(keyId)) return BROKEN;
    const key = this.#keys.get(keyId);
    if (key === undefined) return { kind: 'unknown-key', keyId };
    const body = sealed.slice(dot + 1);
    const bytes = Buffer.from(body, 'base64url');
    // Node decodes leniently: one text for one seal.
    if (bytes.length < NONCE + TAG || bytes.toString('base64url') !== body) return BROKEN;
    const end = bytes.length - TAG;
    const nonce = bytes.subarray(0, NONCE);
    const decipher = createDecipheriv(CIPHER, keyOfSession(key, context), nonce, { authTagLength: TAG });
    decipher.setAAD(boundTo(context));
    decipher.setAuthTag(bytes.subarray(end));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE, end)), decipher.final()]);
      return { kind: 'opened', text: text.toString() };
    } catch {
      return BROKEN;
    }
  }
}

/**
 * Each session has a key of its own (NIST SP 800-108): random nonces are safe for 2^32 messages of one
 * key (SP 800-38D, 8.3), which all sessions of a busy application together may reach, and one does not.
 */
function keyOfSession(key: KeyObject, { id }: SealContext): Buffer {
  return createHmac('sha256', key).update(`${PURPOSE}${id}`).digest();
}

/** One text for one context: JSON tells where each part ends. */
function boundTo({ id, userId, startedAt, idleTimeout, absoluteTimeout }: SealContext): Buffer {
  return Buffer.from(JSON.stringify([id, userId ?? null, startedAt, idleTimeout, absoluteTimeout]));
}

function newNonce(): Buffer {
  try {
    return randomBytes(NONCE);
  } catch (cause) {
    const message = 'The random source of the system failed, so the session can not be encrypted.';
    throw new SessionUsageError('RANDOM_UNAVAILABLE', message, { cause });
  }
}
