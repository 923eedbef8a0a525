import { SessionUsageError } from '../session.errors.js';
import type { LoginOptions } from '../session.login.js';

/** What goes to `login`. */
const LOGIN: Record<Exclude<keyof LoginOptions, 'keep'>, true> = {
  idleTimeout: true,
  absoluteTimeout: true,
  persistent: true,
  label: true,
  level: true,
};

/** @throws SessionUsageError `INVALID_LOGIN_OPTION` for an option that does not exist */
export function checkSignedIn(login: object): void {
  const unknown = Object.keys(login).find((name) => !Object.hasOwn(LOGIN, name));
  if (unknown === undefined) return;
  throw new SessionUsageError(
    'INVALID_LOGIN_OPTION',
    `testSessions: signedIn has no option ${unknown}; it has data, via, ${Object.keys(LOGIN).join(', ')}. What the ` +
      'session holds goes into data.',
  );
}
