import { options } from './connect-redis.js';
import { mountWith } from './fastify-session.js';

export { imports, parameter, controller } from './fastify-session.js';
export const mount = (app) => mountWith(app, { ...options(), rolling: false });
