import { besideIoRedis, type DuplicableClient } from './ioredis.connection.js';
import type { Subscribe } from './subscription.js';

export async function subscribeIoRedis(
  client: DuplicableClient,
  ...[channel, listener, opening]: Parameters<Subscribe>
): Promise<void> {
  const connection = besideIoRedis(client, (reason) => {
    listener.lost(reason);
  });
  opening({
    ping: () => connection.ping(),
    close: () => {
      connection.disconnect();
    },
  });
  connection.on('message', (_channel, message) => {
    listener.message(String(message));
  });
  await connection.connect();
  await connection.subscribe(channel);
}
