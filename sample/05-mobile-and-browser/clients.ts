import { cookie, header, type LoginOptions, type TransportPlan, type TransportRequest } from 'nestjs-token-session';

export type Client = 'app' | 'browser';

const byHeader = header();
// Over TLS the cookie is __Host-sid, Secure. On plain http, for development, 'auto' lets any browser have it.
const byCookie = cookie(process.env.NODE_ENV === 'production' ? {} : { secure: 'auto' });

/**
 * Which kind of client asks: where its token stands decides, and so does the way of the answer. Without a token
 * the app says so itself. (A page of another site can't: for a header of its own the browser asks first, CORS.)
 */
export function clientOf(request: TransportRequest): Client {
  if (byHeader.read(request) !== undefined) return 'app';
  if (byCookie.read(request) !== undefined) return 'browser';
  return request.raw.headers['x-client'] === 'app' ? 'app' : 'browser';
}

export const transport: TransportPlan = {
  accept: [byHeader, byCookie],
  issue: (request) => (clientOf(request) === 'app' ? byHeader : byCookie),
};

/** How long each stays signed in. The options of the module are the longest of them: they cap what a login asks for. */
export const LIMITS = {
  app: { idleTimeout: '90d', absoluteTimeout: '90d' },
  browser: { idleTimeout: '30m', absoluteTimeout: '12h' },
} as const satisfies Record<Client, LoginOptions>;
