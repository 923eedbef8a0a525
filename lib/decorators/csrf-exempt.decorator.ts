import { CSRF_EXEMPT, type CsrfExemptions } from '../guards/csrf.guard.js';
import { checkLayerName } from '../session.layers.js';
import { checkArguments } from './requiring.js';

/**
 * Lets requests from other sites through `CsrfGuard`, with their session: for a handler that has a check of its own.
 * `name` is that of the session layer, default the one without a name; several on one handler or controller add up.
 *
 * @throws SessionConfigError `INVALID_OPTION` for other arguments, where it is applied
 */
export function CsrfExempt(...args: [options?: { name?: string }]): ClassDecorator & MethodDecorator {
  checkArguments('CsrfExempt', args, ['name']);
  const name = checkLayerName('CsrfExempt name', args[0]?.name);
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const holder = (descriptor?.value ?? target) as object;
    const earlier = Reflect.getMetadata(CSRF_EXEMPT, holder) as CsrfExemptions | undefined;
    Reflect.defineMetadata(CSRF_EXEMPT, [...(earlier ?? []), name], holder);
  };
}
