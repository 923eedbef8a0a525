import { EVERYTHING, type Keep } from './session.copy.js';
import type { Data } from './session.diff.js';
import { levelOf } from './session.details.js';
import type { SessionEngine } from './session.engine.js';
import { loginRequired, SessionUsageError } from './session.errors.js';
import { identityByData, type SessionIdentity } from './session.identity.js';
import type { Login } from './session.login.js';
import { renew } from './session.renewal.js';
import type { SessionState } from './session.state.js';
import { begin } from './session.storing.js';
import type { TokenSession } from './session.js';
import type { SessionTimes } from './stores/session-store.js';

/** The session under a new token, with these keys of its data; the old token is ended (law 7). */
export async function regenerate(state: SessionState, keep: readonly string[]): Promise<TokenSession> {
  if (!Array.isArray(keep)) {
    throw new SessionUsageError('NOT_SUPPORTED', "regenerate takes { keep: ['cart', …] }, a list of keys.");
  }
  const { engine, copy } = state;
  if (!state.isNew) state.life.checkCanSendToken();
  // One that its data bind to a user belongs to whom the data say that move along.
  const byData = bindingOf(state, copy.plain(keep));
  const isLogin = byData?.userId !== undefined;
  const times = isLogin ? freshTimes(engine) : { ...state.times, usedAt: engine.now() };
  const next = state.successor(byData ?? copy.identity, times, keep);
  if (!state.isNew) await renewTo(state, next, keep, true);
  if (isLogin) announceLogin(next);
  return state.replaceBy(next);
}

/** A new session of this user in place of this one, with these keys of its data (law 7). */
export async function login(state: SessionState, { identity, times, keep }: Login): Promise<TokenSession> {
  state.life.checkCanSendToken();
  // Nothing moves along from a session that has ended: the login starts afresh.
  const next = state.successor(identity, times, state.isOver ? [] : keep);
  if (state.isLive) await renewTo(state, next, keep, false);
  else await begin(next, next.copy.encode());
  announceLogin(next);
  return state.replaceBy(next);
}

/** The same session and user under a new token, with clocks that start anew. */
export async function reauthenticate(state: SessionState, level: number | undefined): Promise<TokenSession> {
  const { engine, copy } = state;
  if (copy.identity.userId === undefined || state.isNew) throw loginRequired();
  if (identityByData(engine.options, copy.identity, copy.plain()) !== undefined) {
    const hint = 'The data say another user than the session is bound to (userIdOf): save() them first.';
    throw new SessionUsageError('NOT_SUPPORTED', hint);
  }
  const now = engine.now();
  const marks = { ...copy.identity.marks, authenticatedAt: now, level: level ?? levelOf(copy.identity) };
  state.life.checkCanSendToken();
  const times = { ...state.times, startedAt: now, usedAt: now };
  const next = state.successor({ ...copy.identity, marks }, times, EVERYTHING);
  await renewTo(state, next, EVERYTHING, true);
  announceLogin(next);
  return state.replaceBy(next);
}

/** The same session under a new token, as its data bind it to a user now; handlers keep what they hold. */
export async function bind(state: SessionState, identity: SessionIdentity): Promise<void> {
  const { engine, copy: old } = state;
  state.life.checkCanSendToken();
  const next = old.successor(identity);
  await renew(engine, {
    old,
    next,
    times: freshTimes(engine),
    owner: state.owner,
    goesOn: true,
    takeAgain: () => {
      next.follow(old);
    },
    takeBack: () => undefined,
  });
  // Handlers may have gone on meanwhile.
  next.follow(old);
  state.copy = next;
  announceLogin(state);
}

/** Whom these data of a session bind it to, when that changes. */
export function bindingOf({ engine, copy, device }: SessionState, data: Data): SessionIdentity | undefined {
  const identity = identityByData(engine.options, copy.identity, data, device);
  if (identity?.userId === undefined || copy.record === undefined) return identity;
  const before = identityByData(engine.options, copy.identity, copy.storedData());
  if (before?.userId !== identity.userId) return identity;
  // The data said so when the session was stored without a user, by another program or before there
  // was the option: binding it now is no proof of anything (ASVS 7.5.1).
  return { ...identity, marks: { ...identity.marks, authenticatedAt: copy.record.startedAt } };
}

export function announceLogin({ engine, copy: { id, identity } }: SessionState): void {
  if (id === undefined || identity.userId === undefined) return;
  engine.events.emit({ type: 'authn_login_success', id, userId: identity.userId });
}

/** Clocks that start now. */
export function freshTimes(engine: SessionEngine): SessionTimes {
  const { idleTimeout, absoluteTimeout } = engine.options;
  const now = engine.now();
  return { startedAt: now, usedAt: now, idleTimeout, absoluteTimeout };
}

async function renewTo(state: SessionState, next: SessionState, keep: Keep, goesOn: boolean): Promise<void> {
  const { engine, copy: old } = state;
  const takeAgain = (): void => {
    next.copy.take(keep, old);
  };
  const takeBack = (): void => {
    next.copy.clear();
  };
  const isSameUser = old.identity.userId === next.copy.identity.userId;
  try {
    await renew(engine, { old, next: next.copy, times: next.times, owner: state.owner, goesOn, takeAgain, takeBack });
  } catch (error) {
    // A login that fails leaves an anonymous session as it was.
    throw goesOn || isSameUser ? state.life.over(error) : error;
  }
}
