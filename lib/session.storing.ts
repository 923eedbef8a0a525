import type { Mutation } from './session.copy.js';
import { settle, withdraw } from './session.renewal.js';
import type { SessionState } from './session.state.js';
import { announceLogin, bind, bindingOf } from './session.succession.js';
import { create, update } from './session.writer.js';
import { COMMIT_CHANNEL, ofLayer } from './telemetry/channels.js';
import { traced } from './telemetry/traced.js';

/** Stores a session's changes, and what they mean for whom it belongs to. */
export function store(state: SessionState, text: string, mutation?: Mutation): Promise<void> {
  const change = (): Promise<void> => storeChanges(state, text, mutation);
  if (!COMMIT_CHANNEL.hasSubscribers) return change();
  return traced(COMMIT_CHANNEL, ofLayer(state.engine.options.name), change, () => 'stored');
}

async function storeChanges(state: SessionState, text: string, mutation: Mutation | undefined): Promise<void> {
  const { engine, copy, life } = state;
  const { identity } = copy;
  try {
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
    life.fault = undefined;
  } catch (error) {
    // The copy that stands here now was not stored as this user's, or as nobody's.
    if (state.copy.record?.userId !== state.copy.identity.userId) state.copy.identity = identity;
    life.fault = { error };
    throw life.over(error);
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
