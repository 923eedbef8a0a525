import type { Mutation, SessionCopy } from './session.copy.js';
import type { Data } from './session.diff.js';
import type { SessionEngine } from './session.engine.js';
import { isDataError, SessionError, SessionUsageError } from './session.errors.js';
import { boundTo, identityByData, type SessionDevice } from './session.identity.js';
import type { SessionOwner } from './session.lifecycle.js';
import { interpret, unusable, type LiveReading } from './session.reading.js';
import { absoluteEnd, isRecord, recordOf, tombstoneOf } from './session.record.js';
import { sealed } from './session.sealing.js';
import { createToken } from './session-token.js';
import { following } from './stores/awaitable.js';
import type { Awaitable, SessionRecord, SessionTimes, UpdateResult } from './stores/session-store.js';
import { UNREADABLE } from './stores/store-access.js';

/** How often a write is tried against ever new changes of other requests. */
export const MAX_ATTEMPTS = 100;

/** How often a new session is tried whose id is taken, which only a broken random source can cause. */
const MAX_CREATIONS = 3;

export interface Creation {
  readonly mutation?: Mutation | undefined;
  /** Noted where the mutation says who is signed in. */
  readonly device?: SessionDevice | undefined;
  /** The request whose client gets the token, if one does. */
  readonly owner?: SessionOwner | undefined;
  /** Asked for each id before a session is stored under it; default: the user's index, where there is a user. */
  readonly admit?: (id: string) => Promise<void>;
}

/**
 * Stores a new session under a token of its own. Never takes over an id that exists. The entry of its
 * user is added, but not settled.
 *
 * @throws SessionError `SESSION_CONFLICT` when every id was taken
 * @throws SessionError `TOO_MANY_SESSIONS`
 */
export function create(
  engine: SessionEngine,
  copy: SessionCopy,
  times: SessionTimes,
  text: string,
  { mutation, device, owner, admit }: Creation = {},
): Awaitable<void> {
  return copy.writing<undefined>(async () => {
    const draft = mutation === undefined ? undefined : await copy.draft(text, mutation);
    if (draft !== undefined)
      copy.identity = identityByData(engine.options, copy.identity, draft.data, device) ?? copy.identity;
    const stored = draft?.text ?? text;
    copy.checkStorable(stored);
    const { userId } = copy.identity;
    const version = engine.nextVersion();
    for (let attempt = 0; attempt < MAX_CREATIONS; attempt++) {
      const token = createToken();
      const id = engine.tokens.idOf(token);
      copy.identity = boundTo(copy.identity, owner?.bindingFor(token));
      const content = recordOf(copy.identity, times, stored, version);
      // Before the index makes room for it: sealing may fail.
      const record = sealed(engine.options.codec, id, content);
      if (admit !== undefined) await admit(id);
      else if (userId !== undefined) await engine.users.admit(userId, id);
      if (await isCreated(engine, id, record)) {
        copy.token = token;
        copy.id = id;
        copy.confirm(record, stored, draft?.changes);
        engine.events.emit({ type: 'session_created', id, ...(userId !== undefined && { userId }) });
        return;
      }
    }
    throw new SessionError('SESSION_CONFLICT', 'No unused session id was found. Try again.');
  });
}

/** Stores a new record; when that is not certain, nothing of it stays in the user's index. */
async function isCreated(engine: SessionEngine, id: string, record: SessionRecord): Promise<boolean> {
  let isOurs = false;
  try {
    // A store of others may give anything: only its record proves what it does not say.
    const created: unknown = await engine.store.create(id, record);
    isOurs = created === true || (await isOwn(engine, id, record.version));
    return isOurs;
  } catch (error) {
    // It may be stored all the same, or be stored yet.
    void engine.store.owe(async () => {
      await engine.store.destroy(id, record.version);
    });
    throw error;
  } finally {
    if (!isOurs && record.userId !== undefined) engine.users.leave(record.userId, [id]);
  }
}

/**
 * Stores the changes of a session that is there. When another request was faster, takes its
 * changes in, re-applies its own top-level keys and tries again (law 5); a mutation runs again.
 *
 * @throws SessionError `SESSION_ENDED` when the session is not there any more (law 6)
 * @throws SessionError `SESSION_CONFLICT` when others were faster each time, or stored what does not fit together
 */
export function update(engine: SessionEngine, copy: SessionCopy, text: string, mutation?: Mutation): Awaitable<void> {
  return following(attempt(engine, copy, text, mutation), (faster) =>
    faster === undefined ? undefined : insist(engine, copy, faster, mutation),
  );
}

/** Goes on with a write that others were faster with. */
async function insist(
  engine: SessionEngine,
  copy: SessionCopy,
  faster: LiveReading,
  mutation: Mutation | undefined,
): Promise<void> {
  for (let attempts = 1; attempts < MAX_ATTEMPTS; attempts++) {
    const next = await attempt(engine, copy, textTogether(engine, copy, faster), mutation);
    if (next === undefined) return;
    faster = next;
  }
  throw tooManyConflicts();
}

function attempt(
  engine: SessionEngine,
  copy: SessionCopy,
  text: string,
  mutation: Mutation | undefined,
): Awaitable<LiveReading | undefined> {
  return copy.writing(() =>
    mutation === undefined ? replace(engine, copy, text) : mutate(engine, copy, text, mutation),
  );
}

/** The data with what another request has stored meanwhile, as text. */
function textTogether(engine: SessionEngine, copy: SessionCopy, faster: LiveReading): string {
  const { userId } = copy.identity;
  takeIn(engine, copy, faster);
  const byData = identityByData(engine.options, copy.identity, copy.plain());
  // The faster one signed the user out whom this one's data still name.
  if (byData?.userId !== undefined && userId !== undefined) throw ended();
  // This one signs the user out whom the faster one still has.
  if (byData !== undefined && byData.userId === undefined) copy.identity = byData;
  const text = copy.encode();
  checkTogether(copy, text);
  return text;
}

/**
 * Ends a session whose successor is stored already: the old token leaves a tombstone (law 7).
 *
 * @param successor the successor's id, when who ends the one session means to end the other
 * @param again stores the successor's data once more, after the session changed meanwhile
 * @returns what became of the session if it was not there to be ended
 */
export async function endReplaced(
  engine: SessionEngine,
  copy: SessionCopy,
  successor: string | undefined,
  again: () => Promise<void>,
): Promise<'ended' | Gone> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const content = tombstoneOf(successor, engine.now(), engine.nextVersion());
    const tombstone = sealed(engine.options.codec, copy.id as string, content);
    const faster = await replaceRecord(engine, copy, tombstone, true);
    if (faster === undefined) return 'ended';
    if (typeof faster === 'string') return faster;
    if (!canTakeIn(engine, copy, faster)) return 'missing';
    await again();
  }
  throw tooManyConflicts();
}

/** One conditional write of the data; gives what another request stored when that was faster. */
function replace(
  engine: SessionEngine,
  copy: SessionCopy,
  text: string,
  changes?: ReadonlyMap<string, unknown>,
): Awaitable<LiveReading | undefined> {
  copy.checkStorable(text);
  const times = { ...(copy.record as SessionRecord), usedAt: engine.now() };
  const content = recordOf(copy.identity, times, text, engine.nextVersion());
  const record = sealed(engine.options.codec, copy.id as string, content);
  return following(replaceRecord(engine, copy, record), (faster) => {
    if (typeof faster === 'string') throw ended();
    if (faster === undefined) copy.confirm(record, text, changes);
    return faster;
  });
}

/** The same of what a mutation makes of the data. */
async function mutate(
  engine: SessionEngine,
  copy: SessionCopy,
  text: string,
  mutation: Mutation,
): Promise<LiveReading | undefined> {
  const draft = await copy.draft(text, mutation);
  if (changesUser(engine, copy, text, draft.data)) {
    const hint = "update() can't change who is signed in (userIdOf): assign that to the session itself.";
    throw new SessionUsageError('NOT_SUPPORTED', hint);
  }
  return replace(engine, copy, draft.text, draft.changes);
}

/** Why there is nothing to be written any more: the session ended, or goes on under another token. */
export type Gone = 'missing' | 'rotated';

function replaceRecord(
  engine: SessionEngine,
  copy: SessionCopy,
  next: SessionRecord,
  isEnd?: boolean,
): Awaitable<LiveReading | Gone | undefined> {
  const { id, record } = copy as { id: string; record: SessionRecord };
  // The store may not know of the end: its own expiry may be late, and an option may have been shortened.
  if (absoluteEnd(record, engine.options) <= engine.now()) return 'missing';
  return following(engine.store.update(id, next, record.version, isEnd), (result) =>
    outcomeOf(engine, id, next, result),
  );
}

function outcomeOf(
  engine: SessionEngine,
  id: string,
  next: SessionRecord,
  result: UpdateResult,
): LiveReading | Gone | undefined {
  if (result.status === 'updated') return undefined;
  if (result.status === 'missing') return 'missing';
  const current = isRecord(result.current) ? result.current : UNREADABLE;
  // A driver may send a command again whose reply was lost: then the conflict is with ourselves.
  if (current !== UNREADABLE && current.version === next.version) return undefined;
  const reading = interpret(engine, id, current);
  if (reading.kind === 'kept') throw reading.error;
  if (reading.kind === 'corrupt') engine.discard(id, reading.reason);
  if (reading.kind !== 'live') return reading.kind === 'rotated' ? 'rotated' : 'missing';
  engine.events.emit({ type: 'update_conflict', id });
  return reading;
}

/** Whether a mutation says another user than the data did before it. */
function changesUser(engine: SessionEngine, { identity }: SessionCopy, text: string, after: Data): boolean {
  const { options } = engine;
  if (options.userIdOf === undefined) return false;
  const before = identityByData(options, identity, options.codec.decode(text)) ?? identity;
  return (identityByData(options, identity, after) ?? identity).userId !== before.userId;
}

function takeIn(engine: SessionEngine, copy: SessionCopy, faster: LiveReading): void {
  if (!canTakeIn(engine, copy, faster)) throw ended();
}

/** Changes of two requests that the schema takes one by one, but not together: who comes later may try again. */
function checkTogether(copy: SessionCopy, text: string): void {
  try {
    copy.checkStorable(text);
  } catch (cause) {
    if (!isDataError(cause) || cause.code !== 'DATA_MISMATCH') throw cause;
    const told = 'Another request has changed this session, and both changes together do not fit. Try again.';
    throw new SessionError('SESSION_CONFLICT', told, { cause });
  }
}

/** Takes in what another request stored; false when that can't be decoded, which ends the session. */
function canTakeIn(engine: SessionEngine, copy: SessionCopy, faster: LiveReading): boolean {
  try {
    copy.takeIn(faster);
    return true;
  } catch (error) {
    const kept = unusable(engine, copy.id as string, faster, error);
    if (kept !== undefined) throw kept;
    return false;
  }
}

async function isOwn(engine: SessionEngine, id: string, version: string): Promise<boolean> {
  const current = await engine.store.load(id);
  return typeof current === 'object' && current.version === version;
}

export function ended(): SessionError {
  return new SessionError('SESSION_ENDED', 'The session has ended. Sign in again.');
}

export function tooManyConflicts(): SessionError {
  return new SessionError('SESSION_CONFLICT', 'Other requests kept changing this session. Try again.');
}
