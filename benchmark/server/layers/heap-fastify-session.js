import session from '@fastify/session';
import { chosen, heapController } from '../heap/controller.js';
import { mountWith, parameter } from './fastify-session.js';

const store = new session.MemoryStore();

export { imports, parameter } from './fastify-session.js';
export const controller = heapController(parameter);
export const mount = (app) => mountWith(app, { store });
export const answers = { choose: (size) => void (chosen.size = size), stored: () => store.store.size };
