import type { SessionCopy } from './session.copy.js';
import type { SessionEngine } from './session.engine.js';
import { identityByData } from './session.identity.js';
import { destroy } from './session.ending.js';
import type { SessionOwner } from './session.lifecycle.js';
import { create, ended, endReplaced, update, type Gone } from './session.writer.js';
import type { SessionTimes } from './stores/session-store.js';

/** A stored session that gets a new token, and with it perhaps a user. */
export interface Renewal {
  readonly old: SessionCopy;
  /** The same session, or the one in its place; not stored yet. */
  readonly next: SessionCopy;
  readonly times: SessionTimes;
  /** The request whose client gets the new token, if one does. */
  readonly owner: SessionOwner | undefined;
  /** Whether the old session has to live till the end. A login may find it ended, and goes on. */
  readonly goesOn: boolean;
  /** Brings into the successor's data what another request changed meanwhile. */
  takeAgain(): void;
  /** Takes out of the successor's data what came from a session that had ended before (law 6). */
  takeBack(): void;
}

/**
 * Stores the new session first and then ends the old one by its version (law 7). Where the session
 * has a user, the index decides: it has both from before the one is stored until after the other
 * has ended, so that a sign-out everywhere finds whichever is there.
 *
 * @throws SessionError `SESSION_ENDED` when the old session had to be there, or when the user was
 *   signed out everywhere meanwhile
 * @throws SessionError `TOO_MANY_SESSIONS`
 */
export async function renew(engine: SessionEngine, renewal: Renewal): Promise<void> {
  const { old, next, times, owner, goesOn } = renewal;
  const { userId } = next.identity;
  const before = { id: old.id as string, userId: old.identity.userId };
  const isSameUser = userId === before.userId;
  /** Whether the new entry stands in for the old one, or for itself. */
  const entry = { replaces: false };
  await create(engine, next, times, next.encode(), {
    owner,
    admit: async (id) => {
      if (userId === undefined) return;
      entry.replaces = isSameUser && (await engine.users.succeed(userId, id, before.id));
      if (entry.replaces) return;
      if (isSameUser && goesOn) throw ended();
      await engine.users.admit(userId, id);
    },
  });
  const id = next.id as string;
  let end: 'ended' | Gone | undefined;
  let hasReplaced = false;
  try {
    if (!entry.replaces) await settle(engine, next);
    end = await endOld(engine, renewal, isSameUser && goesOn ? id : undefined);
    // Another one took the place of the old entry: this one needs a place of its own.
    if (end !== 'ended' && entry.replaces && userId !== undefined) await engine.users.admit(userId, id, true);
    if (entry.replaces) await settle(engine, next);
    hasReplaced = entry.replaces;
  } catch (error) {
    // Nobody has the new token yet, and nobody must be able to get it.
    await withdraw(engine, next);
    throw error;
  } finally {
    // Whoever ended the old session removes its entry, unless settling the new one did.
    if (end === 'ended' && before.userId !== undefined && !hasReplaced) engine.users.leave(before.userId, [before.id]);
  }
  engine.events.emit({ type: 'session_renewed', id, previousId: before.id, ...(userId !== undefined && { userId }) });
}

/** Ends the old session, and brings the new one up to date with what was found at that. */
async function endOld(engine: SessionEngine, renewal: Renewal, successor: string | undefined): Promise<'ended' | Gone> {
  const { old, next, goesOn } = renewal;
  const end = await endReplaced(engine, old, successor, async () => {
    renewal.takeAgain();
    // The data may say by now that the user was signed out meanwhile.
    if (identityByData(engine.options, next.identity, next.plain()) !== undefined) throw ended();
    await update(engine, next, next.encode());
  });
  if (end === 'ended') return end;
  if (goesOn) throw ended();
  if (end === 'missing') {
    renewal.takeBack();
    await update(engine, next, next.encode());
  }
  return end;
}

/** Settles the user's entry of a session that is stored now. */
export async function settle(engine: SessionEngine, copy: SessionCopy): Promise<void> {
  const { id, identity, record } = copy;
  if (id === undefined || record === undefined || identity.userId === undefined) return;
  if (!(await engine.users.settle(identity.userId, id, record))) throw ended();
}

/** Takes back a session whose token nobody has; as soon as the store can again, if it can't now. */
export function withdraw(engine: SessionEngine, copy: SessionCopy): Promise<void> {
  const { id, identity, record } = copy;
  if (id === undefined) return Promise.resolve();
  return engine.store.owe(async () => {
    await destroy(engine, id, record?.version);
    if (identity.userId !== undefined) await engine.store.users?.remove(identity.userId, [id]);
  });
}
