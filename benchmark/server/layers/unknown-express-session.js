import session from 'express-session';
import { storeAnswers } from '../unknown/answers.js';
import { mountWith } from './express-session.js';

/** Its default, which can be looked at from here. */
const store = new session.MemoryStore();

export { imports, parameter } from './express-session.js';
export const mount = (app) => mountWith(app, { store });
export const answers = storeAnswers(store, 'get', () => Object.keys(store.sessions).length);
