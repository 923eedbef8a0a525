import { MemoryStore, Session, SessionModule } from '../../../dist/esm/index.js';
import { storeAnswers } from '../unknown/answers.js';

/** Its default, which can be looked at from here. */
const store = new MemoryStore();

export const imports = [SessionModule.forRoot(store)];
export const parameter = Session;
export const mount = undefined;
export const answers = storeAnswers(store, 'load', () => store.count());
