import type { SessionEngine } from './session.engine.js';
import { isRecord } from './session.record.js';
import { contentOf } from './session.sealing.js';
import { MAX_ATTEMPTS, tooManyConflicts } from './session.writer.js';

/** How often a session is only ended if nobody changed it meanwhile. */
const MAX_CONFLICTS = 3;

/**
 * Ends a session for good. Where another request has rotated its token meanwhile, the session goes
 * on under that id, and is ended there too: whoever signs out must not be signed in again by it. A
 * tombstone stays, as other requests with its token are still on their way.
 *
 * @param version of the record, as far as it is known
 * @returns false when somebody signed in meanwhile with its token: that session is another one
 */
export async function destroy(engine: SessionEngine, id: string, version?: string): Promise<boolean> {
  const rotated: string[] = [];
  let next = { id, version, conflicts: 0 };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    next.version ??= versionOf(await engine.store.load(next.id));
    // Others may write as fast as this tries: in the end it does not ask what is there.
    const expected = next.conflicts < MAX_CONFLICTS ? next.version : undefined;
    const there = await engine.store.destroy(next.id, expected);
    const content = isRecord(there) ? contentOf(engine.options.codec, next.id, there) : undefined;
    if (isRecord(there) && content?.kind === 'rotated') {
      if (expected === undefined) await engine.store.create(next.id, there);
      if (content.successor === undefined) return false;
      rotated.push(next.id);
      next = { id: content.successor, version: undefined, conflicts: 0 };
    } else if (isRecord(there) && expected !== undefined && there.version !== expected) {
      next = { ...next, version: there.version, conflicts: next.conflicts + 1 };
    } else {
      if (typeof there?.userId === 'string') engine.users.leave(there.userId, [...rotated, next.id]);
      return true;
    }
  }
  throw tooManyConflicts();
}

function versionOf(loaded: unknown): string | undefined {
  return isRecord(loaded) ? loaded.version : undefined;
}

/** The id under which a session goes on whose token was rotated, or the id itself. */
export async function currentId(engine: SessionEngine, id: string): Promise<string> {
  let current = id;
  for (let hop = 0; hop < MAX_ATTEMPTS; hop++) {
    const record = await engine.store.load(current);
    const content = isRecord(record) ? contentOf(engine.options.codec, current, record) : undefined;
    if (content?.kind !== 'rotated' || content.successor === undefined) break;
    current = content.successor;
  }
  return current;
}
