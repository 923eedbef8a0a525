import { METADATA_KEY } from '../simple-store.adapter.js';
import { SimpleUserIndex } from '../simple-user-index.js';
import type { UserIndexAddition, UserIndexTerms } from '../user-index.js';
import type { ExpressAccess } from './express-access.js';
import { keyOfUser, RAW_IDS } from './raw-ids.js';
import { cookieOf } from './stored-cookie.js';

/** What the index needs of the store beside it. */
export interface SharedIndexHost {
  readonly store: ExpressAccess;
  now(): number;
  notice(text: string): void;
  /** Adds the session to those of its user, if express-session signed the user in and nobody did so yet. */
  enroll(userId: string, id: string): Promise<void>;
}

/** The index of users in a store that is shared: under keys that express-session never asks for. */
export class SharedUserIndex extends SimpleUserIndex {
  readonly #host: SharedIndexHost;

  constructor(host: SharedIndexHost) {
    const { store } = host;
    super({
      now: () => host.now(),
      exclusively: (key, task) => store.exclusively(key, task),
      get: async (key) => metadataOf(await store.call('get', key)),
      set: async (key, metadata, ttl) => {
        await store.call('set', key, { cookie: cookieOf(ttl), [METADATA_KEY]: metadata });
      },
      destroy: async (key) => {
        await store.call('destroy', key);
      },
      keyOf: keyOfUser,
      publicIdOf: (id) => RAW_IDS.publicIdOf(id),
      notice: (text) => {
        host.notice(text);
      },
    });
    this.#host = host;
  }

  /** One that is to be replaced has to be there, and may be of express-session. */
  override async add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Promise<UserIndexAddition> {
    if (terms.replaces !== undefined) await this.#host.enroll(userId, terms.replaces);
    return super.add(userId, id, lifetime, terms);
  }
}

/** Whether this is the index of a user's sessions rather than one of them. */
export function isIndex(stored: unknown): boolean {
  const metadata = metadataOf(stored);
  return typeof metadata === 'object' && metadata !== null && 'users' in metadata;
}

function metadataOf(stored: unknown): unknown {
  return (stored as Record<string, unknown> | null | undefined)?.[METADATA_KEY];
}
