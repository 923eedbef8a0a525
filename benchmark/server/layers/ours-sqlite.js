import { SqliteStore } from '../../../dist/esm/stores/sqlite/index.js';
import { layerOf } from '../ours.js';
import { database } from '../sqlite.js';

export const { imports, parameter, controller, mount } = layerOf(new SqliteStore({ database }));
