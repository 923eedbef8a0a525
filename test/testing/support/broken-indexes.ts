import { broken, brokenIndex } from './broken-store.js';
import type { OpenStore } from 'nestjs-token-session/testing';

export const BROKEN_INDEXES = {
  'whose index lists nothing': brokenIndex(() => ({ list: () => [] })),
  'whose index fails for unknown users': brokenIndex(({ list }) => ({
    list: async (user) => {
      const entries = await list(user);
      if (entries.length === 0) throw new Error('no such user');
      return entries;
    },
  })),
  'whose index adds what is settled': brokenIndex(({ add, settle }) => ({
    add: async (user, id, lifetime, terms) => {
      const addition = await add(user, id, lifetime, terms);
      if (addition.added) await settle(user, id, lifetime);
      return addition;
    },
  })),
  'whose index refuses what is there': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) =>
      terms.isThere !== true && (await list(user)).some((entry) => entry.id === id)
        ? { added: false, revoked: [] }
        : add(user, id, lifetime, terms),
  })),
  'whose index starts anew what is sent again': brokenIndex(({ add, list, remove }) => ({
    add: async (user, id, lifetime, terms) => {
      if ((await list(user)).some((entry) => entry.id === id)) await remove(user, [id]);
      return add(user, id, lifetime, terms);
    },
  })),
  'whose index adds again what was revoked': brokenIndex(({ add, list, remove }) => ({
    add: async (user, id, lifetime, terms) => {
      const addition = await add(user, id, lifetime, terms);
      if (addition.added || !addition.revoked.includes(id) || (await list(user)).some((one) => one.id === id))
        return addition;
      await remove(user, [id]);
      return add(user, id, lifetime, {});
    },
  })),
  'whose index does not know isThere': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, { isThere: _, ...terms }) => add(user, id, lifetime, terms),
  })),
  'whose index takes everything for new': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) => {
      const isThere = (await list(user)).some((entry) => entry.id === id);
      return add(user, id, lifetime, isThere ? { ...terms, isThere: true } : { ...terms, isThere: false });
    },
  })),
  'whose index never takes again what was removed': brokenIndex(({ add, remove }) => {
    const removed = new Set<string>();
    return {
      remove: (user, ids) => {
        for (const id of ids) removed.add(`${user} ${id}`);
        return remove(user, ids);
      },
      add: (user, id, lifetime, terms) =>
        removed.has(`${user} ${id}`) ? { added: false, revoked: [] } : add(user, id, lifetime, terms),
    };
  }),
  'whose index replaces what is not there': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, { replaces: _, ...terms }) => add(user, id, lifetime, terms),
  })),
  'whose index replaces what is over': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) => {
      const addition = await add(user, id, lifetime, terms);
      if (addition.added || terms.replaces === undefined || (await list(user)).length === 0) return addition;
      return add(user, id, lifetime, {});
    },
  })),
  'whose index does not settle': brokenIndex(({ settle, list }) => ({
    settle: async (user, id, lifetime) =>
      (await list(user)).some((entry) => entry.id === id) || settle(user, id, lifetime),
  })),
  'whose index settles once': brokenIndex(({ settle, list }) => ({
    settle: async (user, id, lifetime) => {
      if ((await list(user)).some((entry) => entry.id === id && entry.settled)) return false;
      return settle(user, id, lifetime);
    },
  })),
  'whose index settles everything': brokenIndex(({ settle }) => ({
    settle: async (...args) => {
      await settle(...args);
      return true;
    },
  })),
  'whose index settles what was revoked': brokenIndex(({ add, settle, revoke, remove }) => {
    const revoked = new Set<string>();
    return {
      revoke: async (user, choice) => {
        const ids = await revoke(user, choice);
        for (const id of ids) revoked.add(id);
        return ids;
      },
      settle: async (user, id, lifetime) => {
        if (await settle(user, id, lifetime)) return true;
        if (!revoked.has(id)) return false;
        await remove(user, [id]);
        await add(user, id, lifetime, {});
        return settle(user, id, lifetime);
      },
    };
  }),
  'whose index keeps what was replaced': brokenIndex(({ add, settle }) => ({
    settle: async (user, id, lifetime) => {
      await add(user, id, lifetime, { isThere: true });
      return settle(user, id, lifetime);
    },
  })),
  'whose index knows no heirs': brokenIndex(({ add, settle, remove, list }) => ({
    settle: async (user, id, lifetime) => {
      const entry = (await list(user)).find((one) => one.id === id);
      if (entry?.replaces === undefined || !(await settle(user, id, lifetime))) return settle(user, id, lifetime);
      await remove(user, [id]);
      await add(user, id, lifetime, {});
      return settle(user, id, lifetime);
    },
  })),
  'whose index keeps the first lifetime': brokenIndex(({ add, settle }) => {
    const lifetimes = new Map<string, number>();
    return {
      add: (user, id, lifetime, terms) => {
        lifetimes.set(id, lifetime);
        return add(user, id, lifetime, terms);
      },
      settle: (user, id, lifetime) => settle(user, id, Math.min(lifetime, lifetimes.get(id) ?? lifetime)),
    };
  }),
  'whose index has one lifetime for a user': brokenIndex(({ add }) => {
    let least = Infinity;
    return {
      add: (user, id, lifetime, terms) => {
        least = Math.min(least, lifetime);
        return add(user, id, least, terms);
      },
    };
  }),
  'whose entries never run out': broken(({ attach }) => ({
    attach: (host) => attach?.({ ...host, now: () => Date.UTC(2026, 0, 1) }),
  })),
  'whose revoked entries run out at once': brokenIndex(({ revoke, remove }) => ({
    revoke: async (user, choice) => {
      const ids = await revoke(user, choice);
      await remove(user, ids);
      return ids;
    },
  })),
} satisfies Record<string, OpenStore>;
