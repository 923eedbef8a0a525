import { invalid } from '../session.checks.js';
import { DURATION, toMs, type Duration } from '../session.duration.js';
import { requiring } from './requiring.js';

/**
 * For what should not happen by a session that lies open: answers 401 `RECENT_LOGIN_REQUIRED` when
 * the user proved longer ago who they are (ASVS 7.5.1). Using the session does not count as a proof.
 *
 * @param maxAge the proof has to be younger than this: ms, or text such as `'10m'`
 */
export function RequireRecentLogin(maxAge: Duration): ClassDecorator & MethodDecorator {
  return requiring({ login: true, maxAge: toMs(maxAge) ?? invalid('RequireRecentLogin', maxAge, DURATION) });
}
