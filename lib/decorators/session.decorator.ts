import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { sessionScopeIn } from '../session.scope.js';
import type { Session as SessionOf, SessionData } from '../session.js';

/** A session with data of type `T`: one name for this type and the decorator. */
export type Session<T extends object = SessionData> = SessionOf<T>;

type Pipe = Type<PipeTransform> | PipeTransform;

const sessionParameter = createParamDecorator((key: string | undefined, context: ExecutionContext): unknown => {
  const { session } = sessionScopeIn(context, '@Session()');
  if (key === undefined || session === undefined) return session;
  return Object.hasOwn(session, key) ? (session as unknown as Record<string, unknown>)[key] : undefined;
});

/**
 * The request's session as a parameter, or one key of its data, through pipes if need be.
 *
 * ```ts
 * views(@Session() sess: Session<{ views: number }>) { … }
 * theme(@Session('theme', new DefaultValuePipe('light')) theme: string) { … }
 * ```
 */
export function Session(key?: string, ...pipes: Pipe[]): ParameterDecorator;
export function Session(...pipes: Pipe[]): ParameterDecorator;
export function Session(...args: (string | Pipe | undefined)[]): ParameterDecorator {
  const decorate = (sessionParameter as (...args: unknown[]) => ParameterDecorator)(...args);
  return (target, method, index) => {
    decorate(target, method, index);
    if (typeof args[0] !== 'string' && method !== undefined) hideParamtype(target, method, index);
  };
}

/**
 * `Session` is a type and this function by one name, and SWC emits the function as the parameter's
 * type. A global ValidationPipe with `validateCustomDecorators` would take it for a class to build.
 */
function hideParamtype(target: object, method: string | symbol, index: number): void {
  const types = Reflect.getMetadata('design:paramtypes', target, method) as unknown[] | undefined;
  if (types !== undefined) types[index] = Object;
}
