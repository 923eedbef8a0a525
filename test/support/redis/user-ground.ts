import type { StoreHost, UserIndex } from 'nestjs-token-session';
import type { RedisStore } from 'nestjs-token-session/redis';
import { methodsOf, operationsOf, stepped, type LayOut } from '../user-grounds.js';

/**
 * Each operation of the store is one step, carried out by real servers. Plays come one after the other
 * on the same stores, each with users of its own.
 *
 * @param index whose users are taken; those of the same store unless given
 */
export function onRedis(store: RedisStore, index = store): LayOut {
  let plays = 0;
  let host: StoreHost | undefined;
  const attached = { now: () => host?.now() ?? 0, storeTimeout: 60_000, evicted: ignored, notice: ignored };
  for (const one of new Set([store, index])) one.attach(attached);
  return (site) => {
    const play = ++plays;
    const attach = (next: StoreHost): void => {
      host = next;
    };
    return stepped(site, { ...methodsOf(store), attach, users: ofPlay(index.users, play) }, false);
  };
}

function ofPlay(users: UserIndex, play: number): UserIndex {
  const { add, settle, revoke, remove, list } = operationsOf(users);
  const named = (userId: string): string => `${userId} ${String(play)}`;
  /** The index gives its entries in any order; programs that are played again need the same one. */
  const added: string[] = [];
  const inOrder = (ids: readonly string[]): string[] => [...ids].sort((a, b) => added.indexOf(a) - added.indexOf(b));
  return {
    add: async (userId, id, ...entry) => {
      added.push(id);
      const addition = await add(named(userId), id, ...entry);
      return { ...addition, revoked: inOrder(addition.revoked) };
    },
    settle: (userId, ...entry) => settle(named(userId), ...entry),
    revoke: async (userId, choice) => inOrder(await revoke(named(userId), choice)),
    remove: (userId, ids) => remove(named(userId), ids),
    list: async (userId) => {
      const entries = new Map((await list(named(userId))).map((entry) => [entry.id, entry]));
      return inOrder([...entries.keys()]).flatMap((id) => entries.get(id) ?? []);
    },
  };
}

function ignored(): void {
  // Nobody looks at it.
}
