import type { SessionEvent } from './session.events.js';
import type { ResolvedSessionOptions } from './session.options.js';
import { absoluteEnd, idleEnd } from './session.record.js';
import { contentOf, userIdOf } from './session.sealing.js';
import type { SessionRecord } from './stores/session-store.js';

/** What became of the session of a record past its end. */
export function expiryOf(id: string, record: SessionRecord, options: ResolvedSessionOptions): SessionEvent {
  // A tombstone is no session: that one went on under another token.
  if (contentOf(options.codec, id, record).kind === 'rotated') return { type: 'token_unknown', id };
  const userId = userIdOf(record.userId);
  const isIdle = idleEnd(record, options) < absoluteEnd(record, options);
  return {
    type: 'session_expired',
    id,
    ...(userId !== undefined && { userId }),
    limit: isIdle ? 'idle' : 'absolute',
    reason: isIdle ? 'it was not used within its idle limit' : 'its absolute limit has passed',
  };
}
