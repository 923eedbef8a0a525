import type { AtomicSessionStore, StoredSession, UserIndex } from 'nestjs-token-session';
import { atomicStoreOf } from '../../lib/stores/atomic-store-of.js';
import type { Access } from './orders.js';
import { ALL } from './stage.js';
import { methodsOf, operationsOf, type LayOut, type Noted } from './user-grounds.js';

/**
 * Each get, set and destroy of a simple store is a step. What the adapter does for one key at a time
 * comes in the order of the calls for it, which are steps, too.
 */
export const simple: LayOut = ({ stage, note, hasClock }) => {
  const kept = new Map<string, string>();
  const accesses = (...list: Access[]): readonly Access[] => (hasClock ? ALL : list);
  /** Whether a get does not wait for its turn. */
  let isPlain = false;
  const plain = <T>(read: () => T): T => {
    isPlain = true;
    try {
      return read();
    } finally {
      isPlain = false;
    }
  };
  const backend = {
    get: (sid: string) =>
      stage.step('get', accesses(...(isPlain ? [{ name: sid, mode: 'read' as const }] : [])), () => {
        return JSON.parse(kept.get(sid) ?? 'null') as StoredSession | null;
      }),
    set: (sid: string, stored: StoredSession, _ttl: number) =>
      stage.step('set', accesses({ name: sid, mode: 'in turn' }), () => void kept.set(sid, JSON.stringify(stored))),
    destroy: (sid: string) =>
      stage.step('destroy', accesses({ name: sid, mode: 'in turn' }), () => void kept.delete(sid)),
  };
  const open = (): AtomicSessionStore => {
    const adapter = atomicStoreOf(backend, 60_000);
    const users = operationsOf(adapter.users as UserIndex);
    const called = async <T>(key: string, call: () => T, command?: Noted): Promise<Awaited<T>> => {
      await stage.call(accesses({ name: `call for ${key}`, mode: 'write' }), () => {
        if (command !== undefined) note(command);
      });
      return await call();
    };
    return {
      ...methodsOf(adapter),
      attach: (host) => adapter.attach?.(host),
      load: (id) => plain(() => adapter.load(id)),
      create: (id, record) =>
        called(id, () => adapter.create(id, record), { op: 'create', program: stage.program, id }),
      update: (id, record, version) => called(id, () => adapter.update(id, record, version)),
      touch: (id, times) => called(id, () => adapter.touch(id, times)),
      destroy: (id, version) => called(id, () => adapter.destroy(id, version)),
      users: {
        add: async (userId, id, lifetime, terms) => {
          const command: Noted = { op: 'add', program: stage.program, id };
          const addition = await called(userId, () => users.add(userId, id, lifetime, terms), command);
          command.added = addition.added;
          return addition;
        },
        settle: (userId, id, lifetime) => called(userId, () => users.settle(userId, id, lifetime)),
        revoke: (userId, choice) =>
          called(userId, () => users.revoke(userId, choice), { op: 'revoke', program: stage.program }),
        remove: (userId, ids) => called(userId, () => users.remove(userId, ids)),
        list: (userId) => plain(() => users.list(userId)),
      },
    };
  };
  return { store: open(), reopened: open };
};
