import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { sessionScopeIn } from '../session.scope.js';
import { isPromise } from '../stores/awaitable.js';
import { optionsAndPipes, type Pipe } from './session-source.js';
import type { SessionSource } from './session.decorator.js';

type UserSource = Pick<SessionSource, 'name'>;

const userIdParameter = createParamDecorator((source: UserSource | undefined, context: ExecutionContext) => {
  const scope = sessionScopeIn(context, '@UserId()', source?.name);
  return isPromise(scope) ? scope.then(({ identity }) => identity.userId) : scope.identity.userId;
});

/**
 * The id of the user whom the request's session is bound to, as a parameter: text; undefined without
 * a user, which can't be behind `@RequireLogin()`.
 *
 * ```ts
 * devices(@UserId() userId: string) { … }
 * audit(@UserId({ name: 'admin' }) adminId: string) { … }
 * ```
 *
 * @throws SessionConfigError `INVALID_OPTION` for other arguments, where it is applied
 */
export function UserId(source: Pick<SessionSource, 'name'>, ...pipes: Pipe[]): ParameterDecorator;
export function UserId(...pipes: Pipe[]): ParameterDecorator;
export function UserId(...args: (UserSource | Pipe)[]): ParameterDecorator {
  const [source, pipes] = optionsAndPipes<UserSource>('@UserId()', args, ['name']);
  return userIdParameter(source, ...pipes);
}
