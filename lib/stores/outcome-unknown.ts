import { SessionError } from '../session.errors.js';

/** Nobody can tell whether the change is stored: its command was sent, and the answer is lost. */
export function outcomeUnknown(cause: unknown): SessionError {
  const message = 'The session store did not confirm whether the change is stored.';
  return new SessionError('OUTCOME_UNKNOWN', message, { cause });
}
