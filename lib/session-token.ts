import { hash, randomBytes } from 'node:crypto';
import { SessionUsageError } from './session.errors.js';
import type { TokenFormat } from './stores/session-store.js';

/** 32 bytes in base64url without padding. The last character carries 4 bits, so 16 are canonical. */
const CANONICAL = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const LENGTH = 43;

/**
 * A new token: 32 bytes of the system's CSPRNG as 43 characters of base64url (ASVS 7.2.3).
 *
 * @throws SessionUsageError `RANDOM_UNAVAILABLE` when the random source fails
 */
export function createToken(): string {
  try {
    return randomBytes(32).toString('base64url');
  } catch (cause) {
    throw new SessionUsageError(
      'RANDOM_UNAVAILABLE',
      'The random source of the system failed, so no session token can be made.',
      { cause },
    );
  }
}

/** Whether this is the one way to write some 32 bytes. The length goes first: constant work (H6). */
export function isToken(value: string): boolean {
  return value.length === LENGTH && CANONICAL.test(value);
}

/** SHA-256 of the token in base64url: the session's id, all that a store ever sees of it. */
export function idOf(token: string): string {
  return hash('sha256', token, 'base64url');
}

/** The tokens of a store that says no other: it has sessions under what may be shown of them. */
export const HASHED_TOKENS: TokenFormat = { isToken, idOf, publicIdOf: (id) => id };

/**
 * The same for a named session layer, whose name goes into the hash: also where two layers meet in one
 * database, the token of one opens nothing of the other.
 */
export function hashedTokensOf(name: string | undefined): TokenFormat {
  return name === undefined ? HASHED_TOKENS : { ...HASHED_TOKENS, idOf: (token) => idOf(`${name}:${token}`) };
}
