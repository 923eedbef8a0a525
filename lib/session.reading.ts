import type { SessionEngine } from './session.engine.js';
import { SessionError } from './session.errors.js';
import { isMisfit } from './session.misfit.js';
import { ANONYMOUS, NO_MARKS, type SessionIdentity, type SessionMarks } from './session.identity.js';
import { sessionEnd, TOMBSTONE_LIFETIME } from './session.record.js';
import { contentOf, userIdOf } from './session.sealing.js';
import { endOf, type SessionRecord } from './stores/session-store.js';
import { UNREADABLE } from './stores/store-access.js';

/** Why a record is discarded whose data the codec refuses. Not the codec's own words: they may quote data. */
export const UNDECODABLE = 'its data can not be decoded';

/**
 * Tells of a living session whose data can't be used after all, for what was thrown then. Removes the record that was
 * read, unless it is to be kept: then it gives why.
 */
export function unusable(
  engine: SessionEngine,
  id: string,
  { record: { version } }: LiveReading,
  thrown: unknown,
): SessionError | undefined {
  if (!isMisfit(thrown)) {
    engine.discard(id, UNDECODABLE, version);
    return undefined;
  }
  // A schema that does not work says nothing about the data.
  if (engine.options.schema?.discards === true && !thrown.isFault) {
    engine.discard(id, thrown.message, version);
    return undefined;
  }
  const reason = `${thrown.message}; it is kept`;
  engine.events.emit({ type: 'format_unknown', id, reason });
  const told = 'The session was stored by another version of the application. Try again.';
  return new SessionError('FORMAT_UNKNOWN', told, { cause: thrown });
}

/** A living session; its data is decoded when it is first used. */
export interface LiveReading {
  readonly kind: 'live';
  readonly record: SessionRecord;
  readonly text: string;
  readonly identity: SessionIdentity;
}

/** What a loaded record means. */
export type Reading =
  | LiveReading
  | { readonly kind: 'missing' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'rotated' }
  /** Written by a newer version, or sealed by a key that is not here. Kept; nothing can be done with it here. */
  | { readonly kind: 'kept'; readonly error: SessionError; readonly reason: string }
  /** Not to be read at all. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Tells what the store gave: expiry is decided here, whatever the store's own expiry does (law 8). */
export function interpret(
  engine: SessionEngine,
  id: string,
  loaded: SessionRecord | typeof UNREADABLE | undefined,
): Reading {
  if (loaded === undefined) return { kind: 'missing' };
  if (loaded === UNREADABLE) return { kind: 'corrupt', reason: 'the store gave something that is no session record' };
  const now = engine.now();
  // Its own limits end whatever it is, also what can not be read here.
  if (endOf(loaded) <= now) return { kind: 'expired' };
  const content = contentOf(engine.options.codec, id, loaded);
  if (content.kind === 'corrupt') return content;
  // A tombstone has a lifetime of its own, also where sessions are given less, and never more.
  if (content.kind === 'rotated') {
    return loaded.startedAt + TOMBSTONE_LIFETIME <= now ? { kind: 'expired' } : content;
  }
  if (sessionEnd(loaded, engine.options) <= now) return { kind: 'expired' };
  switch (content.kind) {
    case 'newer': {
      const told = 'The session was stored by a newer version of the application. Try again.';
      const cause = `The record has format ${content.format}, which this version does not read.`;
      return kept(told, cause, 'a newer version of the package stored it; it is kept');
    }
    case 'closed':
      return kept(
        'The session can not be read here yet. Try again.',
        `The session can not be opened: ${content.reason}.`,
        content.reason,
      );
    default:
      return living(loaded, content);
  }
}

function kept(message: string, cause: string, reason: string): Reading {
  return { kind: 'kept', error: new SessionError('FORMAT_UNKNOWN', message, { cause: new Error(cause) }), reason };
}

function living(record: SessionRecord, { text, marks }: { text: string; marks: SessionMarks }): LiveReading {
  const userId = userIdOf(record.userId);
  const identity = userId === undefined && marks === NO_MARKS ? ANONYMOUS : { userId, marks };
  return { kind: 'live', record, text, identity };
}
