import type { SessionRecord } from 'nestjs-token-session';
import type { OpenStore } from 'nestjs-token-session/testing';
import { broken, changed, others } from './broken-store.js';

export const BROKEN_CLOCKS_AND_ENDS = {
  'whose records never end': broken(({ attach }) => ({
    attach: (host) => attach?.({ ...host, now: () => Date.UTC(2026, 0, 1) }),
  })),
  'that goes by the clock of its machine': broken(({ attach }) => ({
    attach: (host) => attach?.({ ...host, now: Date.now }),
  })),
  'that has no absolute limit': changed((record) => ({ ...record, absoluteTimeout: 1e15 })),
  'that has no idle limit': changed((record) => ({ ...record, idleTimeout: record.absoluteTimeout })),
  'that ends a session a ms too late': changed((record) => ({ ...record, idleTimeout: record.idleTimeout + 1 })),
  'that ends what lies in the future': broken(({ load }, { now }) => ({
    load: async (id) => {
      const record = await load(id);
      return record !== undefined && record.usedAt > now() ? undefined : record;
    },
  })),
  'whose touch is not carried out': broken(({ load }) => ({
    touch: async (id) => (await load(id)) !== undefined,
  })),
  'whose touch takes any time': broken(({ load, touch, update }) => ({
    touch: async (id, times) => {
      const record = await load(id);
      if (record === undefined) return touch(id, times);
      return (await update(id, { ...record, usedAt: times.usedAt }, record.version)).status === 'updated';
    },
  })),
  'whose touch takes all times that come with it': broken(({ load, touch, update }) => ({
    touch: async (id, times) => {
      const record = await load(id);
      if (record !== undefined) await update(id, { ...record, ...times, version: record.version }, record.version);
      return touch(id, times);
    },
  })),
  'whose touch never goes back': broken(({ load, touch }) => ({
    touch: async (id, times) => touch(id, { ...times, usedAt: Math.max(times.usedAt, (await load(id))?.usedAt ?? 0) }),
  })),
  'whose touch is bound to the present': broken(({ touch }, { now }) => ({
    touch: (id, times) => touch(id, { ...times, usedAt: Math.min(times.usedAt, now()) }),
  })),
  'whose touch gives a new version': broken(({ load, touch, update }) => ({
    touch: async (id, times) => {
      const record = await load(id);
      if (record !== undefined) await update(id, { ...record, version: `${record.version}t` }, record.version);
      return touch(id, times);
    },
  })),
  'whose touch starts both clocks': broken(({ load, touch, update }) => ({
    touch: async (id, times) => {
      const record = await load(id);
      if (record !== undefined) await update(id, { ...record, startedAt: times.usedAt }, record.version);
      return touch(id, times);
    },
  })),
  'whose touch creates': broken(({ create, touch }) => {
    return {
      touch: async (id, times) => {
        const record = { payload: '', version: 't', ...times };
        return (await create(id, record)) || touch(id, times);
      },
    };
  }),
  'whose destroy gives nothing': broken(({ destroy }) => ({
    destroy: async (id, version) => {
      await destroy(id, version);
      return undefined;
    },
  })),
  'whose destroy does nothing': broken(({ load }) => ({ destroy: (id) => load(id) })),
  'whose destroy knows no version': broken(({ destroy }) => ({ destroy: (id) => destroy(id) })),
  'whose destroy gives to all what one found': broken(({ load, destroy }) => ({
    destroy: async (id, version) => {
      const record = await load(id);
      await others();
      await destroy(id, version);
      return record;
    },
  })),
  'whose destroy finds what was destroyed': broken(({ destroy }) => {
    const graves = new Map<string, SessionRecord>();
    return {
      destroy: async (id, version) => {
        const record = await destroy(id, version);
        if (record !== undefined) graves.set(id, record);
        return graves.get(id);
      },
    };
  }),
  'whose create that is sent again overwrites': broken(({ create, destroy }) => {
    const first = new Map<string, string>();
    return {
      create: async (id, record) => {
        if (first.get(id) === record.version) await destroy(id);
        first.set(id, record.version);
        return create(id, record);
      },
    };
  }),
  'whose update that is sent again overwrites': broken(({ load, update }) => {
    const known = new Set<string>();
    return {
      update: async (id, record, version) => {
        const expected = known.has(record.version) ? ((await load(id))?.version ?? '') : version;
        known.add(record.version);
        return update(id, record, expected);
      },
    };
  }),
  'whose update that is sent again is done once more': broken(({ load, update }) => {
    const known = new Set<string>();
    return {
      update: async (id, record, version) => {
        if (!known.has(record.version)) {
          known.add(record.version);
          return update(id, record, version);
        }
        return update(id, { ...record, payload: `${record.payload}!` }, (await load(id))?.version ?? '');
      },
    };
  }),
  'that knows too much as its own': broken(({ load, update }) => ({
    update: async (id, record, version) =>
      (await load(id)) === undefined
        ? { status: 'missing' }
        : { ...(await update(id, record, version)), status: 'updated' },
  })),
  'that remembers what was before': broken(({ create, update }) => {
    const written = new Set<string>();
    return {
      create: async (id, record) => {
        written.add(record.version);
        return create(id, record);
      },
      update: async (id, record, version) => {
        if (written.has(record.version)) return { status: 'updated' };
        const result = await update(id, record, version);
        if (result.status === 'updated') written.add(record.version);
        return result;
      },
    };
  }),
} satisfies Record<string, OpenStore>;
