import session from 'express-session';
import memorystore from 'memorystore';
import { chosen, heapController } from '../heap/controller.js';
import { mountWith, parameter } from './express-session.js';

const DAY = 24 * 60 * 60_000;
const MemoryStore = memorystore(session);
const store = new MemoryStore({ checkPeriod: DAY });

export { imports, parameter } from './express-session.js';
export const controller = heapController(parameter);
export const mount = (app) => mountWith(app, { store, cookie: { maxAge: DAY } });
export const answers = { choose: (size) => void (chosen.size = size), stored: () => store.store.itemCount };
