import { PostgresStore } from '../../../dist/esm/stores/postgres/index.js';
import { layerOf } from '../ours.js';
import { pool } from '../postgres.js';

const store = new PostgresStore({ pool });
await store.migrate();

export const { imports, parameter, controller, mount } = layerOf(store);
