import type { SessionStore, StoreCallback, StoredSession } from 'nestjs-token-session';
import type { OpenStore } from 'nestjs-token-session/testing';

/** A simple store over a Map, with promises, and all that is recommended. */
class MapStore implements SessionStore {
  readonly sessions = new Map<string, { text: string; endsAt: number }>();

  constructor(readonly now: () => number) {}

  get(sid: string): Promise<StoredSession | undefined> {
    const kept = this.sessions.get(sid);
    if (kept === undefined || kept.endsAt <= this.now()) return Promise.resolve(undefined);
    return Promise.resolve(JSON.parse(kept.text) as StoredSession);
  }

  set(sid: string, session: StoredSession, ttl: number): Promise<void> {
    this.sessions.set(sid, { text: JSON.stringify(session), endsAt: this.now() + ttl });
    return Promise.resolve();
  }

  touch(sid: string, session: StoredSession, ttl: number): Promise<void> {
    return this.sessions.has(sid) ? this.set(sid, session, ttl) : Promise.resolve();
  }

  destroy(sid: string): Promise<void> {
    this.sessions.delete(sid);
    return Promise.resolve();
  }

  length(): Promise<number> {
    return Promise.resolve(this.sessions.size);
  }

  all(): Promise<Record<string, StoredSession>> {
    const entries = [...this.sessions].map(([sid, { text }]) => [sid, JSON.parse(text) as StoredSession]);
    return Promise.resolve(Object.fromEntries(entries) as Record<string, StoredSession>);
  }

  clear(): Promise<void> {
    this.sessions.clear();
    return Promise.resolve();
  }
}

export const soundSimple: OpenStore = ({ now }) => new MapStore(now);

function broken(breakIt: (store: MapStore) => Partial<SessionStore>): OpenStore {
  return ({ now }) => {
    const store = new MapStore(now);
    const sound: SessionStore = {
      get: (sid) => store.get(sid),
      set: (sid, session, ttl) => store.set(sid, session, ttl),
      touch: (sid, session, ttl) => store.touch(sid, session, ttl),
      destroy: (sid) => store.destroy(sid),
      length: () => store.length(),
      all: () => store.all(),
      clear: () => store.clear(),
    };
    return { ...sound, ...breakIt(store) };
  };
}

export const BROKEN_SIMPLE_STORES = {
  'whose get fails for a missing session': broken((store) => ({
    get: async (sid: string) => {
      const session = await store.get(sid);
      if (session === undefined) throw new Error('not found');
      return session;
    },
  })),
  'whose get gives an empty session': broken((store) => ({ get: async (sid: string) => (await store.get(sid)) ?? {} })),
  'that keeps what is no text as text': broken((store) => ({
    set: (sid: string, session: StoredSession, ttl: number) =>
      store.set(
        sid,
        JSON.parse(JSON.stringify(session, (_, value: unknown) => (value === null ? 'null' : value))) as StoredSession,
        ttl,
      ),
  })),
  'whose set merges': broken((store) => ({
    set: async (sid: string, session: StoredSession, ttl: number) =>
      store.set(sid, { ...(await store.get(sid)), ...session }, ttl),
  })),
  'that gives the object itself': broken((store) => {
    const live = new Map<string, StoredSession>();
    return {
      set: (sid: string, session: StoredSession, ttl: number) => {
        live.set(sid, session);
        return store.set(sid, session, ttl);
      },
      get: async (sid: string) => ((await store.get(sid)) === undefined ? undefined : live.get(sid)),
    };
  }),
  'whose destroy does nothing': broken(() => ({ destroy: () => Promise.resolve() })),
  'whose destroy fails for a missing session': broken((store) => ({
    destroy: async (sid: string) => {
      if (!store.sessions.delete(sid)) throw new Error('not found');
    },
  })),
  'that takes ms for tenths of one': broken((store) => ({
    set: (sid: string, session: StoredSession, ttl: number) => store.set(sid, session, ttl / 10),
  })),
  'whose ttl counts from the first set': broken((store) => ({
    set: async (sid: string, session: StoredSession, ttl: number) => {
      const kept = store.sessions.get(sid);
      await store.set(sid, session, ttl);
      if (kept !== undefined) store.sessions.set(sid, { text: JSON.stringify(session), endsAt: kept.endsAt });
    },
  })),
  'whose get fails after the ttl': broken((store) => ({
    get: async (sid: string) => {
      const session = await store.get(sid);
      if (session === undefined && store.sessions.has(sid)) throw new Error('expired');
      return session;
    },
  })),
  'that sets timers': broken((store) => ({
    set: async (sid: string, session: StoredSession, ttl: number) => {
      setTimeout(() => store.sessions.delete(sid), ttl).unref();
      await store.set(sid, session, 1e15);
    },
  })),
  'whose touch creates': broken((store) => ({
    touch: (sid: string, session: StoredSession, ttl: number) => store.set(sid, session, ttl),
  })),
  'whose length is always 0': broken(() => ({ length: () => Promise.resolve(0) })),
  'whose clear does nothing': broken(() => ({ clear: () => Promise.resolve() })),
  'that calls back twice': (context) => {
    const store = new MapStore(context.now);
    return {
      get: (sid: string, done: StoreCallback<StoredSession | undefined>) =>
        void store.get(sid).then((session) => done(null, session)),
      set: (sid: string, session: StoredSession, ttl: number, done: StoreCallback) =>
        void store.set(sid, session, ttl).then(() => {
          done(null);
          done(null);
        }),
      destroy: (sid: string, done: StoreCallback) => void store.destroy(sid).then(() => done(null)),
    };
  },
} satisfies Record<string, OpenStore>;
