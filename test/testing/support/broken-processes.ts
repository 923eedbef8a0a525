import { MemoryStore, type AtomicSessionStore, type SessionRecord } from 'nestjs-token-session';
import type { OpenStore, StoreContext } from 'nestjs-token-session/testing';
import { others, soundOf, type Sound } from './broken-store.js';

/** Opens stores on one data, each as a process of its own. */
function processes(
  breakIt: (sound: Sound, number: number, context: StoreContext) => Partial<AtomicSessionStore>,
): OpenStore {
  const kept = new Map<string, { data: MemoryStore; opened: number }>();
  return (context) => {
    const shared = kept.get(context.key) ?? { data: new MemoryStore(), opened: 0 };
    kept.set(context.key, shared);
    const sound = soundOf(shared.data);
    return { ...sound, ...breakIt(sound, shared.opened++, context) };
  };
}

export const soundProcesses: OpenStore = processes(() => ({}));

/** One after the other, within one process. */
function queue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const next = last.then(task);
    last = next.catch(() => undefined);
    return next;
  };
}

export const BROKEN_PROCESSES = {
  'that keep sessions each for itself': () => new MemoryStore(),
  'that keep the index each for itself': processes(() => ({ users: new MemoryStore().users })),
  'that empty the store when they begin': processes(({ clear, attach }, number) => ({
    attach: async (host) => {
      await attach?.(host);
      if (number > 0) await clear?.();
    },
  })),
  'that keep what they have read': processes(({ load, create, update, touch, destroy }) => {
    const read = new Map<string, SessionRecord>();
    const forget = <T>(id: string, result: T): T => {
      read.delete(id);
      return result;
    };
    return {
      load: async (id) => {
        const record = read.get(id) ?? (await load(id));
        if (record !== undefined) read.set(id, record);
        return record;
      },
      create: async (id, record) => {
        const isNew = await create(id, record);
        if (isNew) read.set(id, record);
        return isNew;
      },
      update: (id, record, version) => forget(id, update(id, record, version)),
      touch: (id, times) => forget(id, touch(id, times)),
      destroy: (id, version) => forget(id, destroy(id, version)),
    };
  }),
  'that exclude each other within a process only': processes(({ load, create, update, destroy, users }) => {
    const exclusively = queue();
    return {
      create: (id, record) =>
        exclusively(async () => {
          if ((await load(id)) !== undefined) return false;
          await others();
          await destroy(id);
          return create(id, record);
        }),
      update: (id, record, version) =>
        exclusively(async () => {
          const current = await load(id);
          if (current === undefined) return { status: 'missing' };
          if (current.version !== version) return { status: 'conflict', current };
          await others();
          const now = await load(id);
          return now === undefined ? { status: 'missing' } : update(id, record, now.version);
        }),
      users: {
        ...users,
        add: (user, id, lifetime, { max = Infinity, ...terms }) =>
          exclusively(async () => {
            const hasRoom = (await users.list(user)).length < max;
            await others();
            return users.add(user, id, lifetime, hasRoom ? terms : { max, ...terms });
          }),
      },
    };
  }),
} satisfies Record<string, OpenStore>;
