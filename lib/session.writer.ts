import type { Mutation, SessionCopy } from './session.copy.js';
import type { SessionEngine } from './session.engine.js';
import { SessionError } from './session.errors.js';
import { interpret, UNDECODABLE, type LiveReading } from './session.reading.js';
import { absoluteEnd, isRecord, packData, tombstoneOf, unpack } from './session.record.js';
import { createToken, idOf } from './session-token.js';
import type { SessionRecord, SessionTimes } from './stores/session-store.js';
import { UNREADABLE } from './stores/store-access.js';

/** How often a write is tried against ever new changes of other requests. */
const MAX_ATTEMPTS = 100;

/** How often a new session is tried whose id is taken, which only a broken random source can cause. */
const MAX_CREATIONS = 3;

/**
 * Stores a new session under a token of its own. Never takes over an id that exists.
 *
 * @throws SessionError `SESSION_CONFLICT` when every id was taken
 */
export function create(
  engine: SessionEngine,
  copy: SessionCopy,
  times: SessionTimes,
  text: string,
  mutation?: Mutation,
): Promise<void> {
  return copy.writing(async () => {
    const draft = mutation === undefined ? undefined : await copy.draft(text, mutation);
    const stored = draft?.text ?? text;
    const record = { ...times, payload: packData(stored), version: engine.nextVersion() };
    for (let attempt = 0; attempt < MAX_CREATIONS; attempt++) {
      const token = createToken();
      const id = idOf(token);
      // A store of others may give anything: only its record proves what it does not say.
      const created: unknown = await engine.store.create(id, record);
      if (created === true || (await isOwn(engine, id, record.version))) {
        copy.token = token;
        copy.id = id;
        copy.confirm(record, stored, draft?.changes);
        engine.events.emit({ type: 'session_created', id });
        return;
      }
    }
    throw new SessionError('SESSION_CONFLICT', 'No unused session id was found. Try again.');
  });
}

/**
 * Stores the changes of a session that is there. When another request was faster, takes its
 * changes in, re-applies its own top-level keys and tries again (law 5); a mutation runs again.
 *
 * @throws SessionError `SESSION_ENDED` when the session is not there any more (law 6)
 * @throws SessionError `SESSION_CONFLICT` when others were faster each time
 */
export async function update(
  engine: SessionEngine,
  copy: SessionCopy,
  text: string,
  mutation?: Mutation,
): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const faster = await copy.writing(() => replace(engine, copy, text, mutation));
    if (faster === undefined) return;
    takeIn(engine, copy, faster);
    text = copy.encode();
  }
  throw tooManyConflicts();
}

/**
 * Ends a session whose successor is stored already: the old token leaves a tombstone (law 7).
 *
 * @param again stores the successor's data once more, after the session changed meanwhile
 */
export async function endReplaced(
  engine: SessionEngine,
  copy: SessionCopy,
  successor: string,
  again: () => Promise<void>,
): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const tombstone = tombstoneOf(successor, engine.now(), engine.nextVersion());
    const faster = await replaceRecord(engine, copy, tombstone);
    if (faster === undefined) return;
    takeIn(engine, copy, faster);
    await again();
  }
  throw tooManyConflicts();
}

/** One conditional write of the data; gives what another request stored when that was faster. */
async function replace(
  engine: SessionEngine,
  copy: SessionCopy,
  text: string,
  mutation?: Mutation,
): Promise<LiveReading | undefined> {
  const draft = mutation === undefined ? undefined : await copy.draft(text, mutation);
  const stored = draft?.text ?? text;
  const record: SessionRecord = {
    ...(copy.record as SessionRecord),
    usedAt: engine.now(),
    payload: packData(stored),
    version: engine.nextVersion(),
  };
  const faster = await replaceRecord(engine, copy, record);
  if (faster === undefined) copy.confirm(record, stored, draft?.changes);
  return faster;
}

async function replaceRecord(
  engine: SessionEngine,
  copy: SessionCopy,
  next: SessionRecord,
): Promise<LiveReading | undefined> {
  const { id, record } = copy as { id: string; record: SessionRecord };
  // The store may not know of the end: its own expiry may be late, and an option may have been shortened.
  if (absoluteEnd(record, engine.options) <= engine.now()) throw ended();
  const result = await engine.store.update(id, next, record.version);
  if (result.status === 'updated') return undefined;
  if (result.status === 'missing') throw ended();
  const current = isRecord(result.current) ? result.current : UNREADABLE;
  // A driver may send a command again whose reply was lost: then the conflict is with ourselves.
  if (current !== UNREADABLE && current.version === next.version) return undefined;
  const reading = interpret(engine, current);
  if (reading.kind === 'newer') throw reading.error;
  if (reading.kind !== 'live') throw ended();
  engine.events.emit({ type: 'update_conflict', id });
  return reading;
}

/**
 * Ends a session for good. Where another request has rotated its token meanwhile, the session goes
 * on under that id, and is ended there too: whoever signs out must not be signed in again by it.
 */
export async function destroy(engine: SessionEngine, id: string): Promise<void> {
  let next: string | undefined = id;
  for (let hop = 0; next !== undefined && hop < MAX_ATTEMPTS; hop++) {
    const removed: SessionRecord | undefined = await engine.store.destroy(next);
    const payload = isRecord(removed) ? unpack(removed.payload) : undefined;
    next = payload?.kind === 'rotated' ? payload.successor : undefined;
  }
}

function takeIn(engine: SessionEngine, copy: SessionCopy, faster: LiveReading): void {
  try {
    copy.takeIn(faster.record, faster.text);
  } catch {
    engine.discard(copy.id as string, UNDECODABLE);
    throw ended();
  }
}

async function isOwn(engine: SessionEngine, id: string, version: string): Promise<boolean> {
  const current = await engine.store.load(id);
  return typeof current === 'object' && current.version === version;
}

export function ended(): SessionError {
  return new SessionError('SESSION_ENDED', 'The session has ended. Sign in again.');
}

function tooManyConflicts(): SessionError {
  return new SessionError('SESSION_CONFLICT', 'Other requests kept changing this session. Try again.');
}
