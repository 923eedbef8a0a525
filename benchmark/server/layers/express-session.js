import { Session } from '@nestjs/common';
import session from 'express-session';
import { SECRET } from '../../growth/tokens.js';

export const imports = [];
export const parameter = Session;
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
