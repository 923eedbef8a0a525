import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { sessionScopeIn, type SessionScope } from '../session.scope.js';
import type { Session as SessionOf, SessionData } from '../session.js';
import { invalid } from '../session.checks.js';
import { isPromise } from '../stores/awaitable.js';
import { optionsAndPipes, type Pipe } from './session-source.js';

/** A session with data of type `T`: one name for this type and the decorator. */
export type Session<T extends object = SessionData> = SessionOf<T>;

/** Which of an application's sessions, and what of it. */
export interface SessionSource {
  /** Of the session layer, as `SessionModule.forRoot` has it. Default: the one without a name. */
  name?: string | undefined;
  /** A key of the session's data. Default: the session itself. */
  key?: string | undefined;
}

/** Of the default session pipes see the key, as they do with Nest's own decorators. */
type Place = SessionSource | string | undefined;

const sessionParameter = createParamDecorator((place: Place, context: ExecutionContext): unknown => {
  const { name, key }: SessionSource = typeof place === 'object' ? place : { key: place };
  const scope = sessionScopeIn(context, '@Session()', name);
  return isPromise(scope) ? scope.then((found) => parameterOf(found, key)) : parameterOf(scope, key);
});

function parameterOf({ session }: SessionScope, key: string | undefined): unknown {
  if (key === undefined || session === undefined) return session;
  return Object.hasOwn(session, key) ? (session as unknown as Record<string, unknown>)[key] : undefined;
}

/**
 * The request's session as a parameter, or one key of its data, through pipes if need be.
 *
 * ```ts
 * views(@Session() sess: Session<{ views: number }>) { … }
 * theme(@Session('theme', new DefaultValuePipe('light')) theme: string) { … }
 * audit(@Session({ name: 'admin' }) sess: Session, @Session({ name: 'admin', key: 'theme' }) theme?: string) { … }
 * ```
 *
 * @throws SessionConfigError `INVALID_OPTION` for other arguments, where it is applied
 */
export function Session(key?: string, ...pipes: Pipe[]): ParameterDecorator;
export function Session(source: SessionSource, ...pipes: Pipe[]): ParameterDecorator;
export function Session(...pipes: Pipe[]): ParameterDecorator;
export function Session(...args: (string | SessionSource | Pipe | undefined)[]): ParameterDecorator {
  const [source, pipes] = sourceAndPipes(args);
  const decorate = sessionParameter(source.name === undefined ? source.key : source, ...pipes);
  return (target, method, index) => {
    decorate(target, method, index);
    if (source.key === undefined && method !== undefined) hideParamtype(target, method, index);
  };
}

function sourceAndPipes(args: readonly (string | SessionSource | Pipe | undefined)[]): [SessionSource, Pipe[]] {
  const [first, ...others] = args;
  if (typeof first === 'string') return [{ key: first }, others as Pipe[]];
  const [source = {}, pipes] = optionsAndPipes<SessionSource>('@Session()', args as (SessionSource | Pipe)[], [
    'name',
    'key',
  ]);
  const { key } = source;
  if (key !== undefined && typeof key !== 'string') invalid('@Session() key', key, 'the name of a key');
  return [source, pipes];
}

/**
 * `Session` is a type and this function by one name, and SWC emits the function as the parameter's
 * type. A global ValidationPipe with `validateCustomDecorators` would take it for a class to build.
 */
function hideParamtype(target: object, method: string | symbol, index: number): void {
  const types = Reflect.getMetadata('design:paramtypes', target, method) as unknown[] | undefined;
  if (types !== undefined) types[index] = Object;
}
