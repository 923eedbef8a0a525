import type { Mutation } from './session.copy.js';
import { settle, withdraw } from './session.renewal.js';
import type { SessionState } from './session.state.js';
import { announceLogin, bind, bindingOf } from './session.succession.js';
import { create, update } from './session.writer.js';
import { COMMIT_CHANNEL, ofLayer } from './telemetry/channels.js';
import { concluded } from './stores/awaitable.js';
import type { Awaitable } from './stores/session-store.js';
import { traced } from './telemetry/traced.js';

/** Stores a session's changes, and what they mean for whom it belongs to; a promise only when the store gives one. */
export function store(state: SessionState, text: string, mutation?: Mutation): Awaitable<void> {
  const change = (): Awaitable<void> => storeChanges(state, text, mutation);
  if (!COMMIT_CHANNEL.hasSubscribers) return change();
  return traced(COMMIT_CHANNEL, ofLayer(state.engine.options.name), change, () => 'stored');
}

function storeChanges(state: SessionState, text: string, mutation: Mutation | undefined): Awaitable<void> {
  const { engine, copy, life } = state;
  const { identity } = copy;
  const isPlainUpdate = copy.record !== undefined && engine.options.userIdOf === undefined;
  return concluded(
    () => (isPlainUpdate ? update(engine, copy, text, mutation) : storeWithUser(state, text, mutation)),
    () => {
      life.fault = undefined;
    },
    (error) => {
      // The copy that stands here now was not stored as this user's, or as nobody's.
      if (state.copy.record?.userId !== state.copy.identity.userId) state.copy.identity = identity;
      life.fault = { error };
      throw life.over(error);
    },
  );
}

/** The same for a session that is not stored yet, or whose data say whom it belongs to. */
async function storeWithUser(state: SessionState, text: string, mutation: Mutation | undefined): Promise<void> {
  const { engine, copy } = state;
  const byData = bindingOf(state, copy.plain());
  if (copy.record === undefined) {
    if (byData !== undefined) copy.identity = byData;
    await begin(state, text, mutation);
    announceLogin(state);
  } else if (byData?.userId !== undefined) {
    await bind(state, byData);
    if (mutation !== undefined) await update(engine, state.copy, state.copy.encode(), mutation);
  } else {
    const left = byData === undefined ? undefined : copy.identity.userId;
    if (byData !== undefined) copy.identity = byData;
    await update(engine, copy, text, mutation);
    if (left !== undefined) engine.users.leave(left, [copy.id as string]);
  }
}

/** Stores a session for the first time. */
export async function begin(state: SessionState, text: string, mutation?: Mutation): Promise<void> {
  const { engine, copy } = state;
  state.life.checkCanSendToken();
  await create(engine, copy, state.times, text, { mutation, device: state.device, owner: state.owner });
  if (copy.identity.userId === undefined) return;
  try {
    await settle(engine, copy);
  } catch (error) {
    await withdraw(engine, copy);
    // Not stored after all, and without a token.
    state.copy = copy.successor(copy.identity);
    throw error;
  }
}
