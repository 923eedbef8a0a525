import { checkArguments, requiring } from './requiring.js';

/**
 * Answers 401 `SESSION_REQUIRED` to requests without a stored session, which may be anonymous. `name` is that of the
 * session layer, default the one without a name.
 *
 * @throws SessionConfigError `INVALID_OPTION` for other arguments, where it is applied
 */
export function RequireSession(...args: [options?: { name?: string }]): ClassDecorator & MethodDecorator {
  checkArguments('RequireSession', args, ['name']);
  return requiring({}, args[0]?.name);
}
