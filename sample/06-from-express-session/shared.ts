import { join } from 'node:path';
import expressSession from 'express-session';
import sessionFileStore from 'session-file-store';

/** What sessions of the shop hold: the same for both applications. */
export interface Shop {
  userId: string;
  cart: string[];
}

export interface Settings {
  /** Signs the cookie. */
  readonly secret: string;
  /** Keeps the sessions, one file each. */
  readonly folder: string;
  /** The cookie, as both applications send it. */
  readonly cookie: { readonly secure: boolean; readonly sameSite: 'lax' };
}

/** What both applications have to agree on. */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const isProduction = env.NODE_ENV === 'production';
  const secret = env.SESSION_SECRET || (isProduction ? undefined : 'for development only');
  if (secret === undefined) {
    throw new Error('SESSION_SECRET is not set. It takes the secret of express-session, which signs its cookies.');
  }
  const folder = env.SESSION_FOLDER || join(import.meta.dirname, '../data/sessions');
  return { secret, folder, cookie: { secure: isProduction, sameSite: 'lax' } };
}

const FileStore = sessionFileStore(expressSession);

/** A store of express-session, any. Each application opens its own, as two processes would. */
export function openStore({ folder }: Settings): expressSession.Store {
  return new FileStore({ path: folder, retries: 0, logFn: () => undefined });
}
