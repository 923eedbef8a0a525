import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { sign, unsign } from 'cookie-signature';
import { SessionConfigError } from '../session.errors.js';
import type { SessionTransport } from './session-transport.js';

/** A transport that takes only what this application signed: who reads a token in a store can't use it. */
export interface SignedTransport extends SessionTransport {
  readonly signed: boolean;
  /** Proves that this application wrote a text, by a key that is derived from the first secret. Only where `signed`. */
  seal?(text: string): string;
  /** Whether the text was sealed with one of the secrets. */
  isSealed?(text: string, seal: string): boolean;
  /** Where browsers keep the cookie; undefined where that depends on the request. */
  readonly place?: CookiePlace | undefined;
}

/** What of a cookie, besides its name, tells it from others: browsers keep one for each. */
export interface CookiePlace {
  readonly path: string;
  readonly domain?: string | undefined;
}

/** What stands in front of a signed value, as in express-session. */
const MARK = 's:';

/** No browser keeps a longer cookie (RFC 6265bis). */
const MAX_LENGTH = 4096;

/** What the keys of seals are for (RFC 5869): they are other ones than those that sign cookies. */
const SEALS = 'nestjs-token-session: what is kept beside the data of express-session';

/** `s:`, a token, a dot and 32 bytes in base64 as they are sent: four characters of it take three bytes at the most. */
export const SIGNED_BYTES = 's%3A'.length + 43 + 1 + 43 * 3;

/** Signs the values of cookies as express-session does: HMAC-SHA-256, the first secret signs, all verify. */
export class CookieSignature {
  /** Private to inspect and logs too. */
  readonly #secrets: readonly string[];
  readonly #sealKeys: readonly Buffer[];

  /** @throws SessionConfigError `INVALID_OPTION`; it does not show the secret */
  constructor(secret: unknown) {
    const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
    if (secrets.length === 0) refuse('an empty list');
    this.#secrets = secrets.map((one, index) => {
      const place = Array.isArray(secret) ? ` at place ${String(index)}` : '';
      if (typeof one !== 'string') return refuse(one === null ? `null${place}` : `${typeof one}${place}`);
      return one === '' ? refuse(`empty text${place}`) : one;
    });
    this.#sealKeys = this.#secrets.map((one) => Buffer.from(hkdfSync('sha256', one, '', SEALS, 32)));
  }

  sign(token: string): string {
    return MARK + sign(token, this.#secrets[0] as string);
  }

  seal(text: string): string {
    return sealBy(this.#sealKeys[0] as Buffer, text).toString('base64url');
  }

  isSealed(text: string, seal: string): boolean {
    const given = Buffer.from(seal, 'base64url');
    return this.#sealKeys.some((key) => given.length === 32 && timingSafeEqual(sealBy(key, text), given));
  }

  /** What was signed; an empty string, that is no token, when it was not signed here: nothing unsigned is taken. */
  open(value: string): string {
    if (!value.startsWith(MARK) || value.length > MAX_LENGTH) return '';
    const signed = value.slice(MARK.length);
    for (const secret of this.#secrets) {
      const token = unsign(signed, secret);
      if (token !== false) return token;
    }
    return '';
  }
}

function sealBy(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** The value of a cookie as it was before it was sent; an empty string when it can't be told (H13). */
export function decoded(value: string): string {
  if (value.length > MAX_LENGTH) return '';
  try {
    return decodeURIComponent(value);
  } catch {
    return '';
  }
}

function refuse(came: string): never {
  throw new SessionConfigError(
    'INVALID_OPTION',
    `cookie secret: takes text, or a list of texts of which the first signs and all verify; got ${came}.`,
  );
}
