import type { SessionEngine } from './session.engine.js';
import { SessionError } from './session.errors.js';
import { ANONYMOUS, NO_MARKS, type SessionIdentity } from './session.identity.js';
import { sessionEnd, unpack } from './session.record.js';
import { endOf, type SessionRecord } from './stores/session-store.js';
import { UNREADABLE } from './stores/store-access.js';

/** Why a record is discarded whose data the codec refuses. Not the codec's own words: they may quote data. */
export const UNDECODABLE = 'its data can not be decoded';

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
  /** Written by a newer version. Kept; nothing can be done with it here. */
  | { readonly kind: 'newer'; readonly error: SessionError }
  /** Not to be read at all. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Tells what the store gave: expiry is decided here, whatever the store's own expiry does (law 8). */
export function interpret(engine: SessionEngine, loaded: SessionRecord | typeof UNREADABLE | undefined): Reading {
  if (loaded === undefined) return { kind: 'missing' };
  if (loaded === UNREADABLE) return { kind: 'corrupt', reason: 'the store gave something that is no session record' };
  const payload = unpack(loaded.payload);
  if (payload.kind === 'newer') {
    const error = new SessionError(
      'FORMAT_UNKNOWN',
      'The session was stored by a newer version of the application. Try again.',
      { cause: new Error(`The record has format ${payload.format}; this version reads format 1.`) },
    );
    return { kind: 'newer', error };
  }
  if (payload.kind === 'corrupt') return { kind: 'corrupt', reason: 'the record has no known format' };
  // A tombstone has a lifetime of its own, also where sessions are given less.
  const end = payload.kind === 'rotated' ? endOf(loaded) : sessionEnd(loaded, engine.options);
  if (end <= engine.now()) return { kind: 'expired' };
  if (payload.kind === 'rotated') return payload;
  const { text, marks } = payload;
  // Columns and hashes may have null or empty text for what is not there; neither is a user.
  const userId = loaded.userId === '' ? undefined : (loaded.userId ?? undefined);
  const identity = userId === undefined && marks === NO_MARKS ? ANONYMOUS : { userId, marks };
  return { kind: 'live', record: loaded, text, identity };
}
