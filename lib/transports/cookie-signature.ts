import { sign, unsign } from 'cookie-signature';
import { SessionConfigError } from '../session.errors.js';
import type { SessionTransport } from './session-transport.js';

/** A transport that takes only what this application signed: who reads a token in a store can't use it. */
export interface SignedTransport extends SessionTransport {
  readonly signed: boolean;
}

/** What stands in front of a signed value, as in express-session. */
const MARK = 's:';

/** No browser keeps a longer cookie (RFC 6265bis). */
const MAX_LENGTH = 4096;

/** `s:`, a token, a dot and 32 bytes in base64 as they are sent: four characters of it take three bytes at the most. */
export const SIGNED_BYTES = 's%3A'.length + 43 + 1 + 43 * 3;

/** Signs the values of cookies as express-session does: HMAC-SHA-256, the first secret signs, all verify. */
export class CookieSignature {
  /** Private to inspect and logs too. */
  readonly #secrets: readonly string[];

  /** @throws SessionConfigError `INVALID_OPTION`; it does not show the secret */
  constructor(secret: unknown) {
    const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
    if (secrets.length === 0) refuse('an empty list');
    this.#secrets = secrets.map((one, index) => {
      const place = Array.isArray(secret) ? ` at place ${String(index)}` : '';
      if (typeof one !== 'string') return refuse(one === null ? `null${place}` : `${typeof one}${place}`);
      return one === '' ? refuse(`empty text${place}`) : one;
    });
  }

  sign(token: string): string {
    return MARK + sign(token, this.#secrets[0] as string);
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
