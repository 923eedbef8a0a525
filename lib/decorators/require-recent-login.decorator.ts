import { invalid } from '../session.checks.js';
import { DURATION, toMs, type Duration } from '../session.duration.js';
import { checkArguments, requiring } from './requiring.js';

/**
 * For what should not happen by a session that lies open: answers 401 `RECENT_LOGIN_REQUIRED` when
 * the user proved longer ago who they are (ASVS 7.5.1). Using the session does not count as a proof.
 *
 * @param maxAge the proof has to be younger than this: ms, or text such as `'10m'`
 * @param options `name` is that of the session layer, default the one without a name
 * @throws SessionConfigError `INVALID_OPTION` for other arguments, where it is applied
 */
export function RequireRecentLogin(
  maxAge: Duration,
  ...options: [options?: { name?: string }]
): ClassDecorator & MethodDecorator {
  const age = toMs(maxAge) ?? invalid('RequireRecentLogin', maxAge, DURATION);
  checkArguments('RequireRecentLogin', options, ['name']);
  return requiring({ login: true, maxAge: age }, options[0]?.name);
}
