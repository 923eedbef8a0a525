import { Session } from '@nestjs/common';
import session from 'express-session';

export const imports = [];
export const parameter = Session;
export const mount = (app) => mountWith(app, {});

export function mountWith(app, options) {
  app.use(
    session({
      secret: 'a secret of the benchmark, 32 characters and more',
      saveUninitialized: false,
      resave: false,
      ...options,
    }),
  );
}
