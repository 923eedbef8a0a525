import { UseGuards } from '@nestjs/common';
import { REQUIREMENT, strictest, type Requirement } from '../guards/requirement.js';
import { SessionGuard } from '../guards/session.guard.js';

/** A decorator for handlers and controllers, checked by `SessionGuard`. Several on one add up. */
export function requiring(requirement: Requirement): ClassDecorator & MethodDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const holder = (descriptor?.value ?? target) as object;
    const earlier = Reflect.getMetadata(REQUIREMENT, holder) as Requirement | undefined;
    Reflect.defineMetadata(REQUIREMENT, strictest([earlier, requirement]), holder);
    if (earlier !== undefined) return;
    if (key !== undefined && descriptor !== undefined) UseGuards(SessionGuard)(target, key, descriptor);
    else UseGuards(SessionGuard)(target as never);
  };
}
