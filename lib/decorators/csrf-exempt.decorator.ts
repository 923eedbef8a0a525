import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import { CSRF_EXEMPT } from '../guards/csrf.guard.js';

/** Lets requests from other sites through `CsrfGuard`, with their session: for a handler that has a check of its own. */
export function CsrfExempt(): CustomDecorator<typeof CSRF_EXEMPT> {
  return SetMetadata(CSRF_EXEMPT, true);
}
