import { createParamDecorator, Injectable, NotFoundException } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';

/** The tenants by the first segment of their paths. In production: a table. */
const TENANTS: ReadonlyMap<string, string> = new Map([
  ['acme', 'Acme Inc.'],
  ['globex', 'Globex Corporation'],
]);

/** A request of Node, and of Express: which shortens `url` for middleware that is mounted on a path. */
interface WithUrl {
  readonly url?: string | undefined;
  readonly originalUrl?: string;
}

/**
 * Whose request this is; undefined for nobody's. The only place that says so: cookie, binding and handlers all ask it,
 * so that no odd spelling of a path is one tenant to the one and another to the other.
 */
export function tenantOf({ url, originalUrl = url }: WithUrl): string | undefined {
  const [, first = ''] = /^\/([a-z0-9-]+)(?=[/?]|$)/.exec(originalUrl ?? '') ?? [];
  return TENANTS.has(first) ? first : undefined;
}

export const nameOf = (tenant: string): string => TENANTS.get(tenant) ?? tenant;

/** Ada at one tenant is not Ada at another: lists and limits of sessions go by this id. */
export const userIdAt = (tenant: string, user: string): string => `${tenant}/${user}`;

/** Lets nobody in who is at no tenant. */
@Injectable()
export class TenantGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (tenantOf(context.switchToHttp().getRequest<WithUrl>()) === undefined) throw new NotFoundException();
    return true;
  }
}

/** The tenant of the request, in a handler: in place of `@Param('tenant')`. */
export const Tenant = createParamDecorator((_: unknown, context: ExecutionContext) =>
  tenantOf(context.switchToHttp().getRequest<WithUrl>()),
);
