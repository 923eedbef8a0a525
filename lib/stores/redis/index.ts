export { RedisStore } from './redis.store.js';
export type { NearCacheOptions, RedisStoreOptions } from './redis.options.js';
export type { RedisClient } from './redis-client.js';
export type { NodeRedisClient } from './node-redis.commands.js';
export type { IoRedisClient } from './ioredis.commands.js';
