import { MemoryStore, type AtomicSessionStore } from 'nestjs-token-session';
import type { OpenStore } from 'nestjs-token-session/testing';
import { operationsOf } from '../../support/user-grounds.js';
import { broken, others } from './broken-store.js';

export const BROKEN_SWEEPS = {
  'whose sweep removes nothing': broken(() => ({ sweep: () => ({ removed: 0, done: true }) })),
  'whose sweep is never done': broken(() => ({ sweep: () => ({ removed: 0, done: false }) })),
  'whose sweep counts what it looks at': broken(({ sweep }) => ({
    sweep: async () => ({ ...(await sweep?.()), removed: 100, done: true }),
  })),
  'whose sweep goes by the idle clock alone': broken(({ create, destroy }, { now }) => {
    const ends = new Map<string, number>();
    return {
      create: (id, record) => {
        ends.set(id, record.usedAt + record.idleTimeout);
        return create(id, record);
      },
      sweep: () => sweepOf(ends, now(), destroy),
    };
  }),
  'whose sweep looks first and removes later': broken(({ load, create, update, touch, destroy }, { now }) => {
    const ends = new Map<string, number>();
    return {
      create: async (id, record) => {
        const isNew = await create(id, record);
        if (isNew) ends.set(id, record.usedAt + Math.min(record.idleTimeout, record.absoluteTimeout));
        return isNew;
      },
      update: async (id, record, version) => {
        const result = await update(id, record, version);
        if (result.status === 'updated') ends.set(id, record.usedAt + record.idleTimeout);
        return result;
      },
      touch: async (id, times) => {
        await others();
        const isThere = await touch(id, times);
        const record = await load(id);
        if (isThere && record !== undefined) ends.set(id, record.usedAt + record.idleTimeout);
        return isThere;
      },
      sweep: async () => {
        const ended = [...ends].filter(([, end]) => end <= now());
        await others();
        return sweepOf(new Map(ended), Infinity, destroy);
      },
    };
  }),
  'whose sweep looks an hour ahead': broken(({ attach, sweep }) => {
    let ahead = 0;
    return {
      attach: (host) => attach?.({ ...host, now: () => host.now() + ahead }),
      sweep: async () => {
        ahead = 3 * 3_600_000;
        const result = await sweep?.();
        ahead = 0;
        return result ?? { removed: 0, done: true };
      },
    };
  }),
  'whose sweep keeps the ids': broken(({ create }) => {
    const taken = new Set<string>();
    return {
      create: (id, record) => {
        if (taken.has(id)) return false;
        taken.add(id);
        return create(id, record);
      },
    };
  }),
  'whose sweep has no bound': broken(({ sweep }) => ({
    sweep: async () => {
      let removed = 0;
      for (;;) {
        const result = await sweep?.();
        if (result === undefined) return { removed, done: true };
        removed += result.removed;
        if (result.done) return { removed, done: true };
      }
    },
  })),
} satisfies Record<string, OpenStore>;

async function sweepOf(
  ends: Map<string, number>,
  now: number,
  destroy: AtomicSessionStore['destroy'],
): Promise<{ removed: number; done: boolean }> {
  let removed = 0;
  for (const [id, end] of ends) {
    if (end > now) continue;
    ends.delete(id);
    await destroy(id);
    removed++;
  }
  return { removed, done: true };
}

export const BROKEN_COUNTS = {
  'whose count is always 0': broken(() => ({ count: () => 0 })),
  'whose count knows of no end': broken(({ create, destroy }) => {
    const ids = new Set<string>();
    return {
      create: (id, record) => {
        ids.add(id);
        return create(id, record);
      },
      destroy: async (id, version) => {
        const found = await destroy(id, version);
        if (version === undefined) ids.delete(id);
        return found;
      },
      count: () => ids.size,
    };
  }),
  'whose count counts entries': broken(({ count, users }) => ({
    count: async () => Number(await count?.()) + (await users.list('ada')).length,
  })),
  'whose clear does nothing': broken(() => ({ clear: () => undefined })),
  'whose clear fails when there is nothing': broken(({ clear, count }) => ({
    clear: async () => {
      if ((await count?.()) === 0) throw new Error('nothing to clear');
      await clear?.();
    },
  })),
  'whose clear leaves the index': broken((sound) => {
    const { users } = new MemoryStore();
    return { users: operationsOf(users), clear: () => sound.clear?.() };
  }),
  'whose clear closes the store': broken(({ clear, create }) => {
    let isCleared = false;
    return {
      clear: async () => {
        isCleared = true;
        await clear?.();
      },
      create: (id, record) => !isCleared && create(id, record),
    };
  }),
  'whose clear lets updates create': broken(({ clear, create, update }) => {
    let isCleared = false;
    return {
      clear: async () => {
        isCleared = true;
        await clear?.();
      },
      update: async (id, record, version) =>
        isCleared && (await create(id, record)) ? { status: 'updated' } : update(id, record, version),
    };
  }),
} satisfies Record<string, OpenStore>;
