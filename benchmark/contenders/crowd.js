import { MEMORY_CONTENDERS } from './memory.js';
import { REDIS_CONTENDERS } from './redis.js';

/** Both parts side by side; bare Nest is the same in both. @type {readonly import('../contenders.js').Contender[]} */
export const CROWD_CONTENDERS = [...new Set([...MEMORY_CONTENDERS, ...REDIS_CONTENDERS])];
