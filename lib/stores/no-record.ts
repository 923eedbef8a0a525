import type { SessionRecord } from './session-store.js';

/**
 * What a store gives for a value that is no record: the session layer says so, and discards it. Without times, so that
 * it is not taken for a session that has ended.
 */
export const NO_RECORD: SessionRecord = {
  payload: '',
  version: '',
  startedAt: NaN,
  usedAt: NaN,
  idleTimeout: NaN,
  absoluteTimeout: NaN,
};
