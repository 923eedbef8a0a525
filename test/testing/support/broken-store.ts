import {
  MemoryStore,
  type AtomicSessionStore,
  type SessionEndings,
  type SessionRecord,
  type UserIndex,
} from 'nestjs-token-session';
import type { OpenStore, StoreContext } from 'nestjs-token-session/testing';
import { methodsOf, operationsOf } from '../../support/user-grounds.js';

/** A memory store as functions of an object, so that some of them can be replaced. */
export interface Sound extends AtomicSessionStore {
  readonly users: UserIndex;
  readonly endings: SessionEndings;
}

/** What a broken store does in place of a sound one. */
export type Break = (sound: Sound, context: StoreContext) => Partial<AtomicSessionStore>;

export function soundOf(store: MemoryStore): Sound {
  return {
    ...methodsOf(store),
    attach: (host) => store.attach(host),
    users: operationsOf(store.users),
    endings: { listen: (listener) => store.endings.listen(listener) },
    sweep: () => store.sweep(),
    count: () => store.count(),
    clear: () => store.clear(),
  };
}

export function broken(breakIt: Break): OpenStore {
  return (context) => {
    const sound = soundOf(new MemoryStore());
    return { ...sound, ...breakIt(sound, context) };
  };
}

export function brokenIndex(breakIt: (sound: UserIndex, context: StoreContext) => Partial<UserIndex>): OpenStore {
  return broken(({ users }, context) => ({ users: { ...users, ...breakIt(users, context) } }));
}

/** A store that does not keep records as they are. */
export function changed(change: (record: SessionRecord) => SessionRecord): OpenStore {
  return broken(({ create, update }) => ({
    create: (id, record) => create(id, change(record)),
    update: (id, record, version) => update(id, change(record), version),
  }));
}

export function altered(alter: (payload: string) => string): OpenStore {
  return changed((record) => ({ ...record, payload: alter(record.payload) }));
}

/** A store whose ids are not told apart. */
export function identified(alias: (id: string) => string): OpenStore {
  return broken(({ load, create, update, touch, destroy }) => ({
    load: (id) => load(alias(id)),
    create: (id, record) => create(alias(id), record),
    update: (id, record, version) => update(alias(id), record, version),
    touch: (id, times) => touch(alias(id), times),
    destroy: (id, version) => destroy(alias(id), version),
  }));
}

/** A store that throws at some ids. */
export function refusing(isRefused: (id: string) => boolean): OpenStore {
  return identified((id) => {
    if (isRefused(id)) throw new Error('invalid id');
    return id;
  });
}

/** Lets all others come in between, as every store does that asks first and writes later. */
export const others = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
