import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import { REQUIREMENT, SessionGuard } from '../guards/session.guard.js';

/** Answers 401 `SESSION_REQUIRED` to requests without a stored session, which may be anonymous. */
export function RequireSession(): ClassDecorator & MethodDecorator {
  return applyDecorators(SetMetadata(REQUIREMENT, 'session'), UseGuards(SessionGuard));
}
