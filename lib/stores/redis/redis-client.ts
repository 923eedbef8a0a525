import { SessionConfigError } from '../../session.errors.js';
import { hasMethods } from '../../session.checks.js';
import { ioredisCommands, type IoRedisClient } from './ioredis.commands.js';
import { nodeRedisCommands, type NodeRedisClient } from './node-redis.commands.js';
import type { RedisCommands } from './redis-commands.js';
import { quotingNothing } from './redis-errors.js';

/**
 * A client of node-redis (5 and later: `createClient`, `createClientPool`, `createCluster`,
 * `createSentinel`), of ioredis (5 and later: `Redis`, `Redis.Cluster`) or of iovalkey. The application
 * opens and closes it.
 */
export type RedisClient = NodeRedisClient | IoRedisClient;

/** @throws SessionConfigError `INVALID_OPTION` when it is none of these */
export function commandsOf(client: unknown): RedisCommands {
  // Both have `get` and `on`; only ioredis has one method for all commands.
  if (hasMethods(client, ['call', 'on'])) return quotingNothing(ioredisCommands(client as IoRedisClient));
  // Version 4 has the rest, but takes the options of SET by other names, and would set without any.
  if (hasMethods(client, ['get', 'set', 'eval', 'evalSha', 'on', 'withCommandOptions'])) {
    return quotingNothing(nodeRedisCommands(client as NodeRedisClient));
  }
  throw new SessionConfigError(
    'INVALID_OPTION',
    'RedisStore: client takes a client of node-redis (5 or later), ioredis or iovalkey, made by createClient() or ' +
      `new Redis() for example; got ${described(client)}.`,
  );
}

function described(client: unknown): string {
  if (typeof client === 'string') return 'text (make a client from that address)';
  if (hasMethods(client, ['then'])) return 'a promise (await it first)';
  if (hasMethods(client, ['get', 'evalSha', 'on'])) return 'a client of an older version of node-redis';
  if (hasMethods(client, ['sendCommand', 'get'])) return 'a client in the legacy mode of node-redis';
  return client === null ? 'null' : typeof client === 'object' ? 'an object of another kind' : typeof client;
}
