import { checkLevel } from '../session.login.js';
import { checkArguments, requiring } from './requiring.js';

/**
 * Answers 401 `LOGIN_REQUIRED` to requests without a user, and 401 `LEVEL_REQUIRED` to those of a
 * user who has proved less than `level`, the least that `login` or `reauthenticate` has given; default any. `name` is
 * that of the session layer, default the one without a name.
 *
 * @throws SessionConfigError `INVALID_OPTION` for other arguments, where it is applied
 */
export function RequireLogin(...args: [options?: { level?: number; name?: string }]): ClassDecorator & MethodDecorator {
  checkArguments('RequireLogin', args, ['level', 'name']);
  const [{ level, name } = {}] = args;
  if (level === undefined) return requiring({ login: true }, name);
  checkLevel(level);
  return requiring({ login: true, level }, name);
}
