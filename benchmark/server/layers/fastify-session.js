import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { Req, Session } from '@nestjs/common';
import { sessionData } from '../../session-data.js';
import { controllerWith } from '../controller.js';

const KEYS = Object.keys(sessionData());

export const imports = [];
export const parameter = Session;
export const controller = controllerWith(Session, { subject: Req, login, logout });
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

/** As its README says: what is kept is named, and what changes after that is saved before the answer goes. */
async function login(request, userId) {
  await request.session.regenerate(KEYS);
  request.session.userId = userId;
}

function logout(request) {
  return request.session.destroy();
}
