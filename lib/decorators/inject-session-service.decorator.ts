import { Inject } from '@nestjs/common';
import { tokenOf } from '../session.constants.js';
import { checkLayerName } from '../session.layers.js';
import { SessionService } from '../session.service.js';

/**
 * The token under which the service of a session layer is injectable, for providers that name what they inject, and
 * for `app.get`.
 *
 * @param name of the layer, as `forRoot` has it; without it `SessionService` itself, the default layer's
 * @throws SessionConfigError `INVALID_OPTION` for what can't be a name
 */
export function getSessionServiceToken(name: string): symbol;
export function getSessionServiceToken(name?: undefined): typeof SessionService;
export function getSessionServiceToken(name?: string): symbol | typeof SessionService;
export function getSessionServiceToken(name?: string): symbol | typeof SessionService {
  return checkLayerName('name', name) === undefined ? SessionService : tokenOf('service', name);
}

/**
 * Injects the `SessionService` of a session layer; without a name the default layer's.
 *
 * ```ts
 * constructor(@InjectSessionService('admin') private readonly admins: SessionService) {}
 * ```
 *
 * @throws SessionConfigError `INVALID_OPTION` for what can't be a name
 */
export function InjectSessionService(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getSessionServiceToken(name));
}
