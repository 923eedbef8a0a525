import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EncryptionKey } from 'nestjs-token-session';

export interface Settings {
  /** The first encrypts, all decrypt. */
  readonly keys: readonly EncryptionKey[];
  readonly file: string;
}

/**
 * SESSION_KEYS has the keys by their ids, the first of them encrypts: `2026-12:<32 bytes in base64>,2026-11:<…>`.
 *
 * @throws Error that names the variable and what it takes, and shows no key
 */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  return { keys: keysOf(env), file: env.SESSION_FILE || join(import.meta.dirname, '../data/sessions.db') };
}

function keysOf({ SESSION_KEYS: text, NODE_ENV }: NodeJS.ProcessEnv): EncryptionKey[] {
  if (text) return text.split(',').map(keyOf);
  if (NODE_ENV === 'production') {
    throw new Error('SESSION_KEYS is not set. It takes <id>:<key>; a key is what `openssl rand -base64 32` prints.');
  }
  // So that the sample starts with nothing to set up. Everybody knows it.
  return [{ id: 'development', key: createHash('sha256').update('for development only').digest() }];
}

/** What is wrong with an id or a key is told by `encrypted()`. */
function keyOf(text: string, index: number): EncryptionKey {
  const [id, key, ...more] = text.split(':');
  if (id && key && more.length === 0) return { id, key };
  throw new Error(`SESSION_KEYS: entry ${index + 1} has to be <id>:<key>.`);
}
