import { Req, Session } from '@nestjs/common';
import session from 'express-session';
import { SECRET } from '../../growth/tokens.js';
import { dataOf } from '../../session-data.js';
import { controllerWith } from '../controller.js';

export const imports = [];
export const parameter = Session;
export const controller = controllerWith(Session, { subject: Req, login, logout });
export const mount = (app) => mountWith(app, {});

export function mountWith(app, options) {
  app.use(
    session({
      secret: SECRET,
      saveUninitialized: false,
      resave: false,
      ...options,
    }),
  );
}

/** As in the example of its README, which saves before it answers. */
async function login(request, userId) {
  const data = dataOf(request.session);
  await done((callback) => request.session.regenerate(callback));
  Object.assign(request.session, data, { userId });
  await done((callback) => request.session.save(callback));
}

function logout(request) {
  return done((callback) => request.session.destroy(callback));
}

function done(act) {
  return new Promise((resolve, reject) => act((error) => (error ? reject(error) : resolve())));
}
