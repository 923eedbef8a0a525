import {
  MemoryStore,
  type AtomicSessionStore,
  type StoreHost,
  type UserIndex,
  type UserIndexAddition,
} from 'nestjs-token-session';
import type { Access } from './orders.js';
import { ALL, type Stage } from './stage.js';

/** A store whose steps a stage carries out. */
export interface Ground {
  readonly store: AtomicSessionStore;
  /** The same data as another process sees it, later. */
  reopened(): AtomicSessionStore;
}

/** A command in the order in which commands were carried out. */
export interface Noted {
  readonly op: 'create' | 'add' | 'revoke';
  program: number | undefined;
  readonly id?: string;
  /** Whether an addition succeeded. */
  added?: boolean;
}

export interface Site {
  readonly stage: Stage;
  /** Whether time passes between steps: then any step may find that something ran out. */
  readonly hasClock: boolean;
  note(command: Noted): void;
}

export type LayOut = (site: Site) => Ground;

export type WithUsers = AtomicSessionStore & { readonly users: UserIndex };

/** Each operation is one step; records and index share one memory, where a record goes with its entry. */
export const together: LayOut = (site) => stepped(site, new MemoryStore(), true);

/** The same with the index apart from the records, as on another slot of a cluster. */
export const apart: LayOut = (site) => steppedApart(site, (store) => store);

/** The same with something broken. */
export function broken(breakIt: (store: WithUsers) => WithUsers): LayOut {
  return (site) => steppedApart(site, breakIt);
}

function steppedApart(site: Site, change: (store: WithUsers) => WithUsers): Ground {
  const records = new MemoryStore();
  const index = new MemoryStore();
  const store: WithUsers = {
    ...methodsOf(records),
    users: index.users,
    attach: (host: StoreHost) => {
      records.attach(host);
      index.attach(host);
    },
  };
  return stepped(site, change(store), false);
}

/** The methods of a store as functions of an object, so that a test can replace some of them. */
export function methodsOf(store: AtomicSessionStore): AtomicSessionStore {
  return {
    load: (id) => store.load(id),
    create: (id, record) => store.create(id, record),
    update: (id, record, version, isEnd) => store.update(id, record, version, isEnd),
    touch: (id, times) => store.touch(id, times),
    destroy: (id, version) => store.destroy(id, version),
  };
}

/** The same for an index. */
export function operationsOf(users: UserIndex): UserIndex {
  return {
    add: (userId, id, lifetime, terms) => users.add(userId, id, lifetime, terms),
    settle: (userId, id, lifetime) => users.settle(userId, id, lifetime),
    revoke: (userId, which) => users.revoke(userId, which),
    remove: (userId, ids) => users.remove(userId, ids),
    list: (userId) => users.list(userId),
  };
}

/**
 * A store each of whose operations is one step.
 *
 * @param endsEntries whether a record takes its entry along
 */
export function stepped({ stage, note, hasClock }: Site, inner: WithUsers, endsEntries: boolean): Ground {
  const { users } = inner;
  const step = <T>(
    name: string,
    mode: Access['mode'],
    key: string,
    act: () => T,
    ...more: string[]
  ): Promise<Awaited<T>> => stage.step(name, hasClock ? ALL : [key, ...more].map((name) => ({ name, mode })), act);
  const noted = <T>(op: Noted['op'], key: string, act: (command: Noted) => T, id?: string): Promise<Awaited<T>> => {
    const command: Noted = { op, program: stage.program, ...(id !== undefined && { id }) };
    return step(op, 'write', key, () => {
      note(command);
      return act(command);
    });
  };
  const entries = endsEntries ? ['ada', 'bob'] : [];
  const store: AtomicSessionStore = {
    attach: (host) => inner.attach?.(host),
    load: (id) => step('load', 'read', id, () => inner.load(id)),
    create: (id, record) => noted('create', id, () => inner.create(id, record), id),
    update: (id, record, version) => step('update', 'write', id, () => inner.update(id, record, version)),
    touch: (id, times) => step('touch', 'write', id, () => inner.touch(id, times)),
    destroy: (id, version) => step('destroy', 'write', id, () => inner.destroy(id, version), ...entries),
    users: {
      add: (userId, id, lifetime, terms) => {
        const add = async (command: Noted): Promise<UserIndexAddition> => {
          const addition = await users.add(userId, id, lifetime, terms);
          command.added = addition.added;
          return addition;
        };
        return noted('add', userId, add, id);
      },
      settle: (userId, id, lifetime) => step('settle', 'write', userId, () => users.settle(userId, id, lifetime)),
      revoke: (userId, choice) => noted('revoke', userId, () => users.revoke(userId, choice)),
      remove: (userId, ids) => step('remove', 'write', userId, () => users.remove(userId, ids)),
      list: (userId) => step('list', 'read', userId, () => users.list(userId)),
    },
  };
  return { store, reopened: () => inner };
}
