import { brokenIndex, others } from './broken-store.js';
import type { OpenStore } from 'nestjs-token-session/testing';

export const BROKEN_LIMITS = {
  'whose index has no limit': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, { max: _, ...terms }) => add(user, id, lifetime, terms),
  })),
  'whose index has a limit of 100': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, terms) => add(user, id, lifetime, { max: 100, ...terms }),
  })),
  'whose index counts first and adds later': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, { max = Infinity, ...terms }) => {
      const room = (await list(user)).length < max;
      await others();
      return add(user, id, lifetime, room ? terms : { max, ...terms });
    },
  })),
  'whose index counts what is settled': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) => {
      const pending = (await list(user)).filter(({ settled }) => !settled).length;
      return add(user, id, lifetime, terms.max === undefined ? terms : { ...terms, max: terms.max + pending });
    },
  })),
  'whose index counts what was revoked': brokenIndex(({ add, revoke }) => {
    let revoked = 0;
    return {
      revoke: async (user, choice) => {
        const ids = await revoke(user, choice);
        revoked += ids.length;
        return ids;
      },
      add: (user, id, lifetime, terms) =>
        add(user, id, lifetime, terms.max === undefined ? terms : { ...terms, max: terms.max - revoked }),
    };
  }),
  'whose index counts each entry of a pair': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) => {
      const pairs = (await list(user)).filter(({ replaces }) => replaces !== undefined).length;
      return add(user, id, lifetime, terms.max === undefined ? terms : { ...terms, max: terms.max - pairs });
    },
  })),
  'whose index gives a place to all who want it': brokenIndex(({ add, settle, list }) => ({
    settle: async (user, id, lifetime) => {
      if (await settle(user, id, lifetime)) return true;
      if (!(await list(user)).some((entry) => entry.id === id)) return false;
      await add(user, id, lifetime, { isThere: true });
      return settle(user, id, lifetime);
    },
  })),
  'whose index counts what has lost its place': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) => {
      const entries = await list(user);
      const lost = entries.filter(
        ({ id: own, replaces }) => own !== id && replaces !== undefined && !entries.some((one) => one.id === replaces),
      );
      return add(user, id, lifetime, terms.max === undefined ? terms : { ...terms, max: terms.max - lost.length });
    },
  })),
  'whose index does not let a lost entry make room': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, { evict, ...terms }) => {
      const isLost = terms.isThere === true && (await list(user)).some((entry) => entry.id === id);
      return add(user, id, lifetime, { ...terms, ...(!isLost && evict !== undefined && { evict }) });
    },
  })),
  'whose index evicts nobody': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, { evict: _, ...terms }) => add(user, id, lifetime, terms),
  })),
  'whose index evicts in another order': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, { evict, ...terms }) =>
      add(user, id, lifetime, { ...terms, ...(evict !== undefined && { evict: [...evict].reverse() }) }),
  })),
  'whose index evicts all that are named': brokenIndex(({ add, revoke }) => ({
    add: async (user, id, lifetime, terms) => {
      const addition = await add(user, id, lifetime, terms);
      if (!addition.added) return addition;
      const revoked = new Set(addition.revoked);
      for (const only of terms.evict ?? []) for (const one of await revoke(user, { only })) revoked.add(one);
      return { added: true, revoked: [...revoked] };
    },
  })),
  'whose index evicts before it knows whether that is enough': brokenIndex(({ add, revoke }) => ({
    add: async (user, id, lifetime, terms) => {
      const addition = await add(user, id, lifetime, terms);
      if (!addition.added) for (const only of terms.evict ?? []) await revoke(user, { only });
      return addition;
    },
  })),
  'whose index stumbles over who is not there': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, { evict, ...terms }) => {
      const entries = await list(user);
      const known = evict?.every((one) => entries.some((entry) => entry.id === one)) ?? true;
      return add(user, id, lifetime, { ...terms, ...(known && evict !== undefined && { evict }) });
    },
  })),
  'whose index evicts one of a pair': brokenIndex(({ add, list }) => ({
    add: async (user, id, lifetime, terms) => {
      const replacing = (await list(user)).filter(({ replaces }) => terms.evict?.includes(replaces ?? '') === true);
      const addition = await add(user, id, lifetime, terms);
      return { ...addition, revoked: addition.revoked.filter((one) => !replacing.some((entry) => entry.id === one)) };
    },
  })),
  'whose index counts a victim twice': brokenIndex(({ add }) => ({
    add: (user, id, lifetime, terms) => {
      const { max, evict = [] } = terms;
      if (max === undefined) return add(user, id, lifetime, terms);
      return add(user, id, lifetime, { ...terms, max: max + evict.length - new Set(evict).size });
    },
  })),
  'whose index tells once whom it revoked': brokenIndex(({ add }) => {
    const told = new Set<string>();
    return {
      add: async (...args) => {
        const { added, revoked } = await add(...args);
        const fresh = revoked.filter((id) => !told.has(id));
        for (const id of fresh) told.add(id);
        return { added, revoked: fresh };
      },
    };
  }),
  'whose index forgets whom it evicted': brokenIndex(({ add, remove }) => ({
    add: async (user, ...args) => {
      const addition = await add(user, ...args);
      if (addition.added) await remove(user, addition.revoked);
      return addition;
    },
  })),
} satisfies Record<string, OpenStore>;
