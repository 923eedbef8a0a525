import { checkLevel } from '../session.login.js';
import { checkArguments, requiring } from './requiring.js';

/**
 * Answers 401 `LOGIN_REQUIRED` to requests without a user, and 401 `LEVEL_REQUIRED` to those of a
 * user who has proved less than `level`.
 *
 * @param options.level the least level that `login` or `reauthenticate` has given; default any
 */
export function RequireLogin(...args: [options?: { level?: number }]): ClassDecorator & MethodDecorator {
  checkArguments('RequireLogin', args, ['level']);
  const [{ level } = {}] = args;
  if (level === undefined) return requiring({ login: true });
  checkLevel(level);
  return requiring({ login: true, level });
}
