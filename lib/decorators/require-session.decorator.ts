import { checkArguments, requiring } from './requiring.js';

/** Answers 401 `SESSION_REQUIRED` to requests without a stored session, which may be anonymous. */
export function RequireSession(...none: []): ClassDecorator & MethodDecorator {
  checkArguments('RequireSession', none, []);
  return requiring({});
}
