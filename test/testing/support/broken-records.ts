import { hash } from 'node:crypto';
import type { SessionRecord, UpdateResult } from 'nestjs-token-session';
import type { OpenStore } from 'nestjs-token-session/testing';
import { broken, changed, identified, others } from './broken-store.js';

export const BROKEN_RECORDS = {
  'whose load gives nothing': broken(() => ({ load: () => undefined })),
  'whose load gives null for a missing session': broken(({ load }) => ({
    load: async (id) => (await load(id)) ?? (null as never),
  })),
  'that throws for a missing session': broken(({ load }) => ({
    load: async (id) => {
      const record = await load(id);
      if (record === undefined) throw new Error('not found');
      return record;
    },
  })),
  'that gives the object which others change': broken(({ load, create, update }) => {
    const live = new Map<string, SessionRecord>();
    return {
      create: async (id, record) => {
        const isNew = await create(id, record);
        if (isNew) live.set(id, { ...record });
        return isNew;
      },
      update: async (id, record, version) => {
        const result = await update(id, record, version);
        if (result.status === 'updated') Object.assign(live.get(id) ?? {}, record);
        return result;
      },
      load: async (id) => ((await load(id)) === undefined ? undefined : live.get(id)),
    };
  }),
  'whose ids have no case': identified((id) => id.toLowerCase()),
  'whose ids are cut': identified((id) => id.slice(0, 42)),
  'whose ids are one': identified((id) => (id.length === 43 ? 'one' : id)),
  'whose ids are trimmed': identified((id) => id.trim()),
  'whose ids are patterns': identified((id) =>
    id.length < 43 && /[*%]/.test(id) ? hash('sha256', 'a', 'base64url') : id,
  ),
  'whose create overwrites': broken(({ create, destroy }) => ({
    create: async (id, record) => {
      await destroy(id);
      return create(id, record);
    },
  })),
  'whose create looks first and writes later': broken(({ load, create, destroy }) => ({
    create: async (id, record) => {
      if ((await load(id)) !== undefined) return false;
      await others();
      await destroy(id);
      return create(id, record);
    },
  })),
  'that holds on to ids': broken(({ create }) => {
    const taken = new Set<string>();
    return {
      create: (id, record) => {
        if (taken.has(id)) return false;
        taken.add(id);
        return create(id, record);
      },
    };
  }),
  'whose create looks first where a record has ended': broken(({ load, create, destroy }) => {
    const seen = new Set<string>();
    return {
      create: async (id, record) => {
        if ((await load(id)) !== undefined) return false;
        if (!seen.has(id)) {
          seen.add(id);
          return create(id, record);
        }
        await others();
        await destroy(id);
        return create(id, record);
      },
    };
  }),
  'that holds on to what ended at once': changed((record) => ({
    ...record,
    idleTimeout: Math.max(record.idleTimeout, 1),
    absoluteTimeout: Math.max(record.absoluteTimeout, 1),
    startedAt: record.startedAt === 0 ? record.usedAt : record.startedAt,
  })),
  'whose update keeps the payload': broken(({ load, update }) => ({
    update: async (id, record, version) =>
      update(id, { ...record, payload: (await load(id))?.payload ?? record.payload }, version),
  })),
  'whose update writes over any version': broken(({ load, update }) => ({
    update: async (id, record) => update(id, record, (await load(id))?.version ?? ''),
  })),
  'whose update compares first and writes later': broken(({ load, update }) => ({
    update: async (id, record, version): Promise<UpdateResult> => {
      const current = await load(id);
      if (current === undefined) return { status: 'missing' };
      if (current.version !== version) return { status: 'conflict', current };
      await others();
      return update(id, record, (await load(id))?.version ?? '');
    },
  })),
  'whose update is an upsert': broken(({ create, update }) => ({
    update: async (id, record, version) =>
      (await create(id, record)) ? { status: 'updated' } : update(id, record, version),
  })),
  'whose update looks first and creates later': broken(({ load, create, update }) => ({
    update: async (id, record, version) => {
      const current = await load(id);
      if (current === undefined) return { status: 'missing' };
      if (current.version !== version) return { status: 'conflict', current };
      await others();
      if (await create(id, record)) return { status: 'updated' };
      return update(id, record, version);
    },
  })),
  'whose conflict tells of its own record': broken(({ update }) => ({
    update: async (id, record, version) => {
      const result = await update(id, record, version);
      return result.status === 'conflict' ? { ...result, current: record } : result;
    },
  })),
  'that never takes a user away': broken(({ load, update }) => ({
    update: async (id, record, version) => {
      const { userId } = (await load(id)) ?? {};
      return update(id, userId === undefined ? record : { userId, ...record }, version);
    },
  })),
  'whose records keep the limits that they were created with': broken(({ load, update }) => ({
    update: async (id, record, version) => {
      const { idleTimeout, absoluteTimeout } = (await load(id)) ?? record;
      return update(id, { ...record, idleTimeout, absoluteTimeout }, version);
    },
  })),
  'whose records keep the start that they were created with': broken(({ load, update }) => ({
    update: async (id, record, version) => {
      const { startedAt, usedAt } = (await load(id)) ?? record;
      return update(id, { ...record, startedAt, usedAt }, version);
    },
  })),
  'whose limits are never shortened': broken(({ load, update }) => ({
    update: async (id, record, version) => {
      const { idleTimeout, absoluteTimeout } = (await load(id)) ?? record;
      const longer = {
        idleTimeout: Math.max(idleTimeout, record.idleTimeout),
        absoluteTimeout: Math.max(absoluteTimeout, record.absoluteTimeout),
      };
      return update(id, { ...record, ...longer }, version);
    },
  })),
} satisfies Record<string, OpenStore>;
