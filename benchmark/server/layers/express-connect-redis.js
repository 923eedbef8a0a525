import { options } from './connect-redis.js';
import { mountWith } from './express-session.js';

export { imports, parameter, controller } from './express-session.js';
export const mount = (app) => mountWith(app, options());
