import type { AtomicSessionStore } from '../../../stores/session-store.js';

/** The same store; tells which operation that changes something was begun last. */
export function notedStore(store: AtomicSessionStore, note: (operation: string) => void): AtomicSessionStore {
  const { users } = store;
  const noted = <A extends unknown[], R>(operation: string, run: (...args: A) => R) => {
    return (...args: A): R => {
      note(operation);
      return run(...args);
    };
  };
  return {
    load: (id) => store.load(id),
    create: noted('create', (id, record) => store.create(id, record)),
    update: noted('update', (id, record, version, isEnd) => store.update(id, record, version, isEnd)),
    touch: noted('touch', (id, times) => store.touch(id, times)),
    destroy: noted('destroy', (id, version) => store.destroy(id, version)),
    ...(users !== undefined && { users }),
    ...(store.sweep !== undefined && { sweep: noted('sweep', () => store.sweep?.() as never) }),
    ...(store.count !== undefined && { count: () => store.count?.() as never }),
    ...(store.clear !== undefined && { clear: noted('clear', () => store.clear?.()) }),
  };
}
