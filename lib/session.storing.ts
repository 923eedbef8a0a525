import type { Mutation } from './session.copy.js';
import { identityByData, type SessionIdentity } from './session.identity.js';
import { settle, withdraw } from './session.renewal.js';
import type { SessionState } from './session.state.js';
import { announceLogin, bind } from './session.succession.js';
import { create, update } from './session.writer.js';

/** Stores a session's changes, and what they mean for whom it belongs to. */
export async function store(state: SessionState, text: string, mutation?: Mutation): Promise<void> {
  const { engine, copy, life } = state;
  try {
    const byData = mutation === undefined ? bindingOf(state) : undefined;
    if (copy.record === undefined) {
      if (byData !== undefined) copy.identity = byData;
      await begin(state, text, mutation);
      announceLogin(state);
    } else if (byData?.userId !== undefined) {
      await bind(state, byData);
    } else {
      const left = byData === undefined ? undefined : copy.identity.userId;
      if (byData !== undefined) copy.identity = byData;
      await update(engine, copy, text, mutation);
      if (left !== undefined) engine.users.leave(left, [copy.id as string]);
    }
    life.fault = undefined;
  } catch (error) {
    life.fault = { error };
    throw life.over(error);
  }
}

/** Whom the data bind the session to, when that changes. */
function bindingOf({ engine, copy, device }: SessionState): SessionIdentity | undefined {
  const identity = identityByData(engine.options, copy.identity, copy.plain(), device);
  if (identity?.userId === undefined || copy.record === undefined) return identity;
  const before = identityByData(engine.options, copy.identity, copy.storedData());
  if (before?.userId !== identity.userId) return identity;
  // The data said so when the session was stored without a user, by another program or before there
  // was the option: binding it now is no proof of anything (ASVS 7.5.1).
  return { ...identity, marks: { ...identity.marks, authenticatedAt: copy.record.startedAt } };
}

/** Stores a session for the first time. */
export async function begin(state: SessionState, text: string, mutation?: Mutation): Promise<void> {
  const { engine, copy } = state;
  state.life.checkCanSendToken();
  await create(engine, copy, state.times, text, { mutation, device: state.device });
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
