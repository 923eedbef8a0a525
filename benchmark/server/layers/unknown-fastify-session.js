import session from '@fastify/session';
import { storeAnswers } from '../unknown/answers.js';
import { mountWith } from './fastify-session.js';

/** Its default, which can be looked at from here. */
const store = new session.MemoryStore();

export { imports, parameter } from './fastify-session.js';
export const mount = (app) => mountWith(app, { store });
export const answers = storeAnswers(store, 'get', () => store.store.size);
