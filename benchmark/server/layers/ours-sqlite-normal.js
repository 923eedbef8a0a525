import { Session, SessionModule } from '../../../dist/esm/index.js';
import { SqliteStore } from '../../../dist/esm/stores/sqlite/index.js';
import { database } from '../sqlite.js';

export const imports = [SessionModule.forRoot(new SqliteStore({ database, synchronous: 'normal' }))];
export const parameter = Session;
export const mount = undefined;
