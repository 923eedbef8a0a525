import type { AtomicSessionStore } from '../../stores/session-store.js';
import type { UserIndex } from '../../stores/user-index.js';
import { Random } from './random.js';

/** Stores on the same data as one: each call goes to the next of them, as requests go to processes. */
export function takingTurns(stores: readonly AtomicSessionStore[]): AtomicSessionStore {
  const [first] = stores;
  if (stores.length === 1 && first !== undefined) return first;
  // Not in strict rotation: an operation would always meet the same one.
  const turns = new Random(1);
  const next = (): AtomicSessionStore => stores[turns.below(stores.length)] as AtomicSessionStore;
  const users = (): UserIndex => next().users as UserIndex;
  const hasIndex = stores.every((store) => store.users !== undefined);
  return {
    load: (id) => next().load(id),
    create: (id, record) => next().create(id, record),
    update: (id, record, expectedVersion) => next().update(id, record, expectedVersion),
    touch: (id, times) => next().touch(id, times),
    destroy: (id, version) => next().destroy(id, version),
    users: hasIndex
      ? {
          add: (userId, id, lifetime, terms) => users().add(userId, id, lifetime, terms),
          settle: (userId, id, lifetime) => users().settle(userId, id, lifetime),
          revoke: (userId, choice) => users().revoke(userId, choice),
          remove: (userId, ids) => users().remove(userId, ids),
          list: (userId) => users().list(userId),
        }
      : undefined,
  };
}
