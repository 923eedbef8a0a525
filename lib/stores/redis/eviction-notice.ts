import type { RedisCommands } from './redis-commands.js';

/** What has to be said of a server that drops keys to make room; undefined when there is nothing. */
export async function evictionNotice(commands: RedisCommands): Promise<string | undefined> {
  const [node] = await commands.nodes();
  const info = String(await node?.info('memory'));
  const policy = /^maxmemory_policy:(.*?)\r?$/m.exec(info)?.[1];
  const limit = /^maxmemory:(\d+)/m.exec(info)?.[1];
  if (policy === undefined || policy === 'noeviction' || limit === '0') return undefined;
  return (
    `Redis has maxmemory-policy ${policy}: when its memory is full it drops sessions that are in use, and the index of ` +
    'users, without which destroyAll() misses sessions. Give sessions a Redis of their own with maxmemory-policy noeviction.'
  );
}
