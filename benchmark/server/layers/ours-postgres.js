import { Session, SessionModule } from '../../../dist/esm/index.js';
import { PostgresStore } from '../../../dist/esm/stores/postgres/index.js';
import { pool } from '../postgres.js';

const store = new PostgresStore({ pool });
await store.migrate();

export const imports = [SessionModule.forRoot(store)];
export const parameter = Session;
export const mount = undefined;
