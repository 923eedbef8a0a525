import { MemoryStore, Session, SessionModule } from '../../../dist/esm/index.js';
import { chosen, heapController } from '../heap/controller.js';

const store = new MemoryStore({ maxSessions: 1_000_000 });

export const imports = [SessionModule.forRoot(store)];
export const parameter = Session;
export const controller = heapController(parameter);
export const mount = undefined;
export const answers = { choose: (size) => void (chosen.size = size), stored: () => store.count() };
