import { hash } from 'node:crypto';
import type { SessionStore, StoredSession } from '../session-store.js';
import { allOf, ask, nameOf, type ExpressStore } from './express-store.js';
import { cookieOf } from './stored-cookie.js';

/** The name under which a session stands beside its cookie: whatever a store adds there is not its data. */
const SESSION = 'session';

/** How much longer than the session lasts a store keeps it, in ms: some count in whole seconds, and clocks differ. */
const MARGIN = 60_000;

/** The ids of the session layer. Applications may hand over others, and some stores make the names of files of them. */
const ID = /^[\w-]{43}$/;

const keyOf = (sid: string): string => (ID.test(sid) ? sid : `other-${hash('sha256', sid, 'base64url')}`);

/** A store of express-session with sessions of ours only, under SHA-256 of their tokens. */
export function ownSessions(store: ExpressStore): SessionStore {
  const name = nameOf(store);
  return {
    name,
    get: async (sid: string) => sessionOf(await ask(store, 'get', keyOf(sid))),
    set: (sid: string, session: StoredSession, ttl: number) =>
      ask(store, 'set', keyOf(sid), { cookie: cookieOf(ttl + MARGIN), [SESSION]: session }),
    destroy: (sid: string) => ask(store, 'destroy', keyOf(sid)),
    ...(typeof store.all === 'function' && {
      all: async () =>
        Object.fromEntries(Object.entries(await allOf(store)).map(([id, stored]) => [id, sessionOf(stored)])),
    }),
    ...(typeof store.length === 'function' && { length: () => ask(store, 'length') }),
    ...(typeof store.clear === 'function' && { clear: () => ask(store, 'clear') }),
    ...(typeof store.close === 'function' && { close: () => store.close?.() }),
  };
}

/** What is not of ours is handed on as it is: the session layer tells corrupt from missing. */
function sessionOf(stored: unknown): StoredSession | null | undefined {
  if (typeof stored !== 'object' || stored === null) return stored as undefined;
  return Object.hasOwn(stored, SESSION)
    ? (stored as Record<string, StoredSession>)[SESSION]
    : (stored as StoredSession);
}
