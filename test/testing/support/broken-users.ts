import type { SessionRecord, UserIndex } from 'nestjs-token-session';
import type { OpenStore } from 'nestjs-token-session/testing';
import { broken, brokenIndex } from './broken-store.js';

/** An index that takes a user's id for another one. */
function aliased(alias: (user: string) => string): OpenStore {
  return brokenIndex(({ add, settle, revoke, remove, list }) => ({
    add: (user, ...rest) => add(alias(user), ...rest),
    settle: (user, ...rest) => settle(alias(user), ...rest),
    revoke: (user, choice) => revoke(alias(user), choice),
    remove: (user, ids) => remove(alias(user), ids),
    list: (user) => list(alias(user)),
  }));
}

export const BROKEN_USERS = {
  'whose index revokes nothing': brokenIndex(() => ({ revoke: () => [] })),
  'whose index revokes all or one': brokenIndex(({ revoke }) => ({
    revoke: (user, choice) => revoke(user, 'only' in choice ? choice : { except: undefined }),
  })),
  'whose index revokes all at one': brokenIndex(({ revoke }) => ({
    revoke: (user, choice) => revoke(user, 'only' in choice ? { except: undefined } : choice),
  })),
  'whose index revokes nothing without its exception': brokenIndex(({ list, revoke }) => ({
    revoke: async (user, choice) => {
      if ('only' in choice || choice.except === undefined) return revoke(user, choice);
      const isThere = (await list(user)).some(({ id }) => id === choice.except);
      return isThere ? revoke(user, choice) : [];
    },
  })),
  'whose index revokes one of a pair': brokenIndex(({ list, revoke, remove, add, settle }) => ({
    revoke: async (user, choice) => {
      const entries = await list(user);
      const named = 'only' in choice ? choice.only : choice.except;
      const pair =
        entries.find((one) => one.replaces === named) ?? entries.find((one) => one.id === named && one.replaces);
      const other = pair?.id === named ? pair?.replaces : pair?.id;
      const ids = await revoke(user, choice);
      if (other === undefined) return ids;
      if (!ids.includes(other)) return [...ids, ...(await revoke(user, { only: other }))];
      await remove(user, [other]);
      await add(user, other, 3_600_000, {});
      await settle(user, other, 3_600_000);
      return ids.filter((id) => id !== other);
    },
  })),
  'whose index tells once what it revokes': brokenIndex(({ revoke }) => {
    const told = new Set<string>();
    return {
      revoke: async (user, choice) => {
        const fresh = (await revoke(user, choice)).filter((id) => !told.has(id));
        for (const id of fresh) told.add(id);
        return fresh;
      },
    };
  }),
  'whose index removes nothing': brokenIndex(() => ({ remove: () => undefined })),
  'whose index keeps what was revoked': brokenIndex(({ revoke, remove }) => {
    const revoked = new Set<string>();
    return {
      revoke: async (user, choice) => {
        const ids = await revoke(user, choice);
        for (const id of ids) revoked.add(id);
        return ids;
      },
      remove: (user, ids) =>
        remove(
          user,
          ids.filter((id) => !revoked.has(id)),
        ),
    };
  }),
  'whose index fails to remove what is not there': brokenIndex(({ remove, list, revoke }) => ({
    remove: async (user, ids) => {
      const entries = [...(await list(user)).map(({ id }) => id)];
      for (const id of ids)
        if (!entries.includes(id) && (await revoke(user, { only: id })).length === 0) throw new Error();
      return remove(user, ids);
    },
  })),
  'whose index has one user': aliased(() => 'ada'),
  'whose index normalises user ids': aliased((user) => user.normalize()),
  'whose index keeps users in an object': brokenIndex(({ add }, { after }) => {
    const users: Record<string, Record<string, number>> = {};
    return {
      add: (user, id, lifetime, terms) => {
        const entries = (users[user] ??= {});
        entries[id] = lifetime;
        // The tests that follow want a clean prototype.
        after(() => Reflect.deleteProperty(entries, id));
        return add(user, id, lifetime, terms);
      },
    };
  }),
  'whose records make entries': broken(({ create, users }) => ({
    create: async (id, record) => {
      if (record.userId !== undefined) {
        await users.add(record.userId, id, 3_600_000, {});
        await users.settle(record.userId, id, 3_600_000);
      }
      return create(id, record);
    },
  })),
  'whose entries make records': broken(({ create, users }) => ({
    users: {
      ...users,
      add: async (user, id, lifetime, terms) => {
        const now = Date.UTC(2026, 0, 1);
        const times = { startedAt: now, usedAt: now, idleTimeout: lifetime, absoluteTimeout: lifetime };
        await create(id, { payload: '', version: '0', ...times });
        return users.add(user, id, lifetime, terms);
      },
    },
  })),
  'whose updates move entries': broken(({ load, update, users }) => ({
    update: async (id, record, version) => {
      const before: SessionRecord | undefined = await load(id);
      if (before?.userId !== undefined && before.userId !== record.userId) await users.remove(before.userId, [id]);
      return update(id, record, version);
    },
  })),
  'whose destroy takes all entries of the user': broken(({ load, destroy, users }) => ({
    destroy: async (id, version) => {
      const record = await load(id);
      if (record?.userId !== undefined) {
        const entries = await users.list(record.userId);
        await users.remove(
          record.userId,
          entries.map((entry) => entry.id),
        );
      }
      return destroy(id, version);
    },
  })),
  'whose index ends sessions by itself': broken(({ destroy, users }) => ({
    users: {
      ...users,
      revoke: async (user, choice) => {
        const ids = await users.revoke(user, choice);
        for (const id of ids) await destroy(id);
        return ids;
      },
    },
  })),
  'whose index is not whole': broken(({ users: { list: _, ...users } }) => ({ users: users as UserIndex })),
  'whose index lets a session be replaced that was signed out': broken(({ update, users }) => ({
    update: async (id, record, version) => {
      const result = await update(id, record, version);
      return result.status === 'missing' ? { status: 'updated' } : result;
    },
    users: { ...users, add: (user, id, lifetime) => users.add(user, id, lifetime, {}) },
  })),
} satisfies Record<string, OpenStore>;
