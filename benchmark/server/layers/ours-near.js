import { Session, SessionModule } from '../../../dist/esm/index.js';
import { RedisStore } from '../../../dist/esm/stores/redis/index.js';
import { client, prefix } from '../driver.js';

export const imports = [SessionModule.forRoot(new RedisStore({ client, prefix, nearCache: true }))];
export const parameter = Session;
export const mount = undefined;
