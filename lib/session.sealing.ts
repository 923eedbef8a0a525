import type { SealContext, SessionCodec } from './codec/session-codec.js';
import { packSealed, unpack, type Payload } from './session.record.js';
import type { SessionRecord } from './stores/session-store.js';

/** Neither data nor key: who altered it is not to be told what would fit. */
const BROKEN_SEAL = 'its seal does not open: it was altered, or stored for another session, user or lifetime';

const NOT_SEALED =
  "it is not encrypted, and the codec refuses that: plainText: 'read' reads sessions from before encryption";

/** The longest limit that every store keeps as it is, in ms: 3,170 years. */
const LONGEST = 1e14;

/** A record as the store gets it: sealed, where the codec does that. */
export function sealed(codec: SessionCodec, id: string, record: SessionRecord): SessionRecord {
  if (codec.seal === undefined || codec.plainText === 'write') return record;
  return { ...record, payload: packSealed(codec.seal(record.payload, contextOf(id, record))) };
}

/** What a record says, opened where it is sealed. */
export type Content =
  | Exclude<Payload, { readonly kind: 'sealed' | 'corrupt' }>
  /** It never can be read. */
  | { readonly kind: 'corrupt'; readonly reason: string }
  /** It can't be opened here, but most likely elsewhere, or later. */
  | { readonly kind: 'closed'; readonly reason: string };

export function contentOf(codec: SessionCodec, id: string, record: SessionRecord): Content {
  const payload = unpack(record.payload);
  switch (payload.kind) {
    case 'newer':
      return payload;
    case 'corrupt':
      return { kind: 'corrupt', reason: 'the record has no known format' };
    case 'sealed':
      return opened(codec, id, record, payload.seal);
    default:
      return refusesPlainText(codec) ? { kind: 'corrupt', reason: NOT_SEALED } : payload;
  }
}

function opened(codec: SessionCodec, id: string, record: SessionRecord, seal: string): Content {
  if (codec.open === undefined) {
    return closed('it is encrypted, and this process has no key: set codec to encrypted({ keys })');
  }
  try {
    const opening = codec.open(seal, contextOf(id, record));
    if (opening.kind === 'unknown-key') {
      const remedy = 'add that key behind the first of `keys`, where it only opens';
      return closed(`it is encrypted with the key '${opening.keyId}', which this process does not have: ${remedy}`);
    }
    const content = opening.kind === 'opened' ? unpack(opening.text) : undefined;
    const isWhole = content?.kind === 'data' || content?.kind === 'rotated';
    return isWhole ? content : { kind: 'corrupt', reason: BROKEN_SEAL };
  } catch (error) {
    // A service that has the keys may be away for a moment.
    return closed(`the codec failed to open it (${error instanceof Error ? error.name : typeof error})`);
  }
}

function closed(reason: string): Content {
  return { kind: 'closed', reason: `${reason}; it is kept` };
}

/** Whether records without a seal are not to be read: nobody can tell who wrote them. */
function refusesPlainText(codec: SessionCodec): boolean {
  return codec.open !== undefined && codec.plainText !== 'read' && codec.plainText !== 'write';
}

/** What the application should know of a codec that seals, and yet takes what is not sealed. */
export function plainTextNotice({ plainText }: SessionCodec): string | undefined {
  if (plainText === 'read') {
    return (
      "Sessions that are not encrypted are read too (plainText: 'read'), so whoever can write to the store can make " +
      "one. Take 'refuse' once absoluteTimeout has passed since all processes encrypt."
    );
  }
  if (plainText === 'write') {
    return (
      "Sessions are stored without encryption (plainText: 'write'); encrypted ones are only read. Take 'read' to " +
      'encrypt, or leave the codec out once absoluteTimeout has passed.'
    );
  }
  return undefined;
}

/** What a store gives back equal: it may keep whole ms only, and has its own ways to write nobody. */
function contextOf(id: string, { userId, startedAt, idleTimeout, absoluteTimeout }: SessionRecord): SealContext {
  return {
    id,
    userId: userIdOf(userId),
    startedAt: Math.round(startedAt),
    idleTimeout: span(idleTimeout),
    absoluteTimeout: span(absoluteTimeout),
  };
}

/** The user of a record. Columns and hashes may have null or empty text for what is not there; neither is a user. */
export function userIdOf(stored: string | null | undefined): string | undefined {
  return stored === '' ? undefined : (stored ?? undefined);
}

function span(ms: number): number {
  return Math.min(LONGEST, Math.ceil(ms));
}
