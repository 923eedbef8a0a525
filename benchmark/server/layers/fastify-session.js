import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { Session } from '@nestjs/common';

export const imports = [];
export const parameter = Session;
export const mount = (app) => mountWith(app, {});

/** `secure: false` because the benchmark speaks plain http; the rest is what its README advises. */
export async function mountWith(app, options) {
  await app.register(cookie);
  await app.register(session, {
    secret: 'a secret of the benchmark, 32 characters and more',
    saveUninitialized: false,
    cookie: { secure: false },
    ...options,
  });
}
