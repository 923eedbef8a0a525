import session from 'express-session';
import { chosen, heapController } from '../heap/controller.js';
import { mountWith, parameter } from './express-session.js';

const store = new session.MemoryStore();

export { imports, parameter } from './express-session.js';
export const controller = heapController(parameter);
export const mount = (app) => mountWith(app, { store });
export const answers = {
  choose: (size) => void (chosen.size = size),
  stored: () => Object.keys(store.sessions).length,
};
