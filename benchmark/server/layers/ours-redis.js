import { RedisStore } from '../../../dist/esm/stores/redis/index.js';
import { client, prefix } from '../driver.js';
import { layerOf } from '../ours.js';

export const { imports, parameter, controller, mount } = layerOf(new RedisStore({ client, prefix }));
