import { besideNodeRedis, openAndClose, type DuplicableClient } from './node-redis.connection.js';
import { asText } from './redis-commands.js';
import type { Subscribe } from './subscription.js';

export async function subscribeNodeRedis(
  client: DuplicableClient,
  ...[channel, listener, opening]: Parameters<Subscribe>
): Promise<void> {
  const connection = besideNodeRedis(client, {}, (reason) => {
    listener.lost(reason);
  });
  const { opened, close } = openAndClose(connection, async () => {
    await connection.connect();
    await connection.subscribe(channel, (message) => {
      listener.message(asText(message));
    });
  });
  opening({ ping: () => connection.ping(), close });
  await opened;
}
