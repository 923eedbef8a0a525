import { UseGuards } from '@nestjs/common';
import { REQUIREMENT, strictest, type Requirement, type RequirementOf } from '../guards/requirement.js';
import { invalid } from '../session.checks.js';
import { SessionGuard } from '../guards/session.guard.js';
import { checkLayerName } from '../session.layers.js';

/**
 * Refuses arguments that a decorator does not take; without its parentheses it gets the class itself,
 * and in JavaScript would guard nothing.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function checkArguments(name: string, args: readonly unknown[], options: readonly string[]): void {
  const [given] = args;
  if (args.length === 0 || (args.length === 1 && given === undefined)) return;
  const takes = options.length === 0 ? 'nothing, in parentheses' : `at most { ${options.join(', ')} }`;
  const isPlain = typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype;
  const isKnown = isPlain && Object.keys(given).every((key) => options.includes(key));
  if (args.length > 1 || !isKnown) invalid(name, given, takes);
}

/**
 * A decorator for handlers and controllers, checked by `SessionGuard`. Several on one add up.
 *
 * @param name of the session layer whose session it is about
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function requiring(requirement: Requirement, name: string | undefined): ClassDecorator & MethodDecorator {
  checkLayerName('name', name);
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const holder = (descriptor?.value ?? target) as object;
    const earlier = Reflect.getMetadata(REQUIREMENT, holder) as readonly RequirementOf[] | undefined;
    Reflect.defineMetadata(REQUIREMENT, strictest([...(earlier ?? []), { ...requirement, name }]), holder);
    if (earlier !== undefined) return;
    if (key !== undefined && descriptor !== undefined) UseGuards(SessionGuard)(target, key, descriptor);
    else UseGuards(SessionGuard)(target as never);
  };
}
