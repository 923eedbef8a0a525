import { cookie, type CookieAttributes, type SessionModuleOptions, type TransportRequest } from 'nestjs-token-session';
import { tenantOf } from './tenant.js';

const isProduction = process.env.NODE_ENV === 'production';

/** A cookie for each tenant: a browser may be signed in at several, and sends each only to its own. */
function cookieOf({ raw }: TransportRequest): CookieAttributes {
  const tenant = tenantOf(raw);
  const path = tenant === undefined ? '/' : `/${tenant}`;
  const name = `sid-${tenant ?? 'none'}`;
  return isProduction ? { path, name: `__Secure-${name}` } : { path, name, secure: 'auto' };
}

export const sessionOptions: SessionModuleOptions = {
  transport: cookie(cookieOf),
  binding: {
    // Browsers keep the cookies apart; whoever holds a token can put it into any. The session knows where it belongs.
    // Text in any case: a session that began with undefined would be bound to nothing.
    of: ({ raw }) => tenantOf(raw) ?? '',
    onMismatch: 'refuse',
  },
};
