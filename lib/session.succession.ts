import { levelOf } from './session.details.js';
import type { SessionEngine } from './session.engine.js';
import { loginRequired, SessionUsageError } from './session.errors.js';
import { identityByData, type SessionIdentity } from './session.identity.js';
import type { Login } from './session.login.js';
import { renew } from './session.renewal.js';
import type { SessionState } from './session.state.js';
import type { TokenSession } from './session.js';
import type { SessionTimes } from './stores/session-store.js';

/** The session under a new token, with these keys of its data; the old token is ended (law 7). */
export async function regenerate(state: SessionState, keep: readonly string[]): Promise<TokenSession> {
  if (!Array.isArray(keep)) {
    throw new SessionUsageError('NOT_SUPPORTED', "regenerate takes { keep: ['cart', …] }, a list of keys.");
  }
  const { engine, copy } = state;
  const next = state.successor(copy.identity, { ...state.times, usedAt: engine.now() }, keep);
  // One that its data bind to a user belongs to whom the data say that moved along.
  next.copy.identity = identityByData(engine.options, copy.identity, next.copy.plain()) ?? copy.identity;
  if (!state.isNew) await renewTo(state, next, keep, true);
  return state.replaceBy(next);
}

/** A new session of this user in place of this one, with these keys of its data (law 7). */
export async function login(state: SessionState, { identity, times, keep }: Login): Promise<TokenSession> {
  state.checkCanBegin();
  // Nothing moves along from a session that has ended: the login starts afresh.
  const next = state.successor(identity, times, state.isOver ? [] : keep);
  if (state.isLive) await renewTo(state, next, keep, false);
  else await next.begin(next.copy.encode());
  announceLogin(next);
  return state.replaceBy(next);
}

/** The same session and user under a new token, with clocks that start anew. */
export async function reauthenticate(state: SessionState, level: number | undefined): Promise<TokenSession> {
  const { engine, copy } = state;
  if (copy.identity.userId === undefined || state.isNew) throw loginRequired();
  const now = engine.now();
  const marks = { ...copy.identity.marks, authenticatedAt: now, level: level ?? levelOf(copy.identity) };
  const keep = Object.keys(copy.plain());
  const times = { ...state.times, startedAt: now, usedAt: now };
  const next = state.successor({ ...copy.identity, marks }, times, keep);
  await renewTo(state, next, keep, true);
  announceLogin(next);
  return state.replaceBy(next);
}

/** The same session under a new token, as its data bind it to a user now; handlers keep what they hold. */
export async function bind(state: SessionState, identity: SessionIdentity): Promise<void> {
  const { engine, copy: old } = state;
  const next = old.successor(identity);
  await renew(engine, { old, next, times: freshTimes(engine), goesOn: true, takeAgain: () => undefined });
  state.copy = next;
  announceLogin(state);
}

export function announceLogin({ engine, copy: { id, identity } }: SessionState): void {
  if (id === undefined || identity.userId === undefined) return;
  engine.events.emit({ type: 'login_succeeded', id, userId: identity.userId });
}

/** Clocks that start now. */
export function freshTimes(engine: SessionEngine): SessionTimes {
  const { idleTimeout, absoluteTimeout } = engine.options;
  const now = engine.now();
  return { startedAt: now, usedAt: now, idleTimeout, absoluteTimeout };
}

async function renewTo(
  state: SessionState,
  next: SessionState,
  keep: readonly string[],
  goesOn: boolean,
): Promise<void> {
  const { engine, copy: old } = state;
  const takeAgain = (): void => {
    next.copy.take(keep, old);
  };
  const isSameUser = old.identity.userId === next.copy.identity.userId;
  try {
    await renew(engine, { old, next: next.copy, times: next.times, goesOn, takeAgain });
  } catch (error) {
    // A login that fails leaves an anonymous session as it was.
    throw goesOn || isSameUser ? state.over(error) : error;
  }
}
