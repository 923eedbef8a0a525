import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { sessionScopeIn } from '../session.scope.js';

const userIdParameter = createParamDecorator(
  (_: undefined, context: ExecutionContext): string | undefined => sessionScopeIn(context, '@UserId()').identity.userId,
);

/**
 * The id of the user whom the request's session is bound to, as a parameter: text; undefined without
 * a user, which can't be behind `@RequireLogin()`.
 *
 * ```ts
 * devices(@UserId() userId: string) { … }
 * ```
 */
export function UserId(...pipes: (Type<PipeTransform> | PipeTransform)[]): ParameterDecorator {
  return userIdParameter(...pipes);
}
