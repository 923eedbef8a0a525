import type { SessionRecord } from './session-store.js';

/** What a store gives for a value that is no record: the session layer says so, and discards it. */
export const NO_RECORD: SessionRecord = {
  payload: '',
  version: '',
  startedAt: 0,
  usedAt: 0,
  idleTimeout: 0,
  absoluteTimeout: 0,
};
