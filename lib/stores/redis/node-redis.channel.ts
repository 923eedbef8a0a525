import { checkOffice, runIdOf } from './channel-proof.js';
import type { ChannelListener, InvalidationChannel } from './invalidations.js';
import { besideNodeRedis, openAndClose, type DuplicableClient } from './node-redis.connection.js';
import { asText } from './redis-commands.js';

/**
 * Opens a connection for the messages of the server's tracking. The driver's own cache is not used: it tracks each key
 * that was ever read, missing ones too, and serves what it has for as long as a frozen connection looks alive.
 */
export function nodeRedisChannel(
  client: DuplicableClient,
  prefix: string,
  listener: ChannelListener,
  inCluster: boolean,
): { channel: InvalidationChannel; opened: Promise<unknown> } {
  const tracking = besideNodeRedis(client, { emitInvalidate: true }, (reason) => {
    listener.lost(reason);
  });
  tracking.on('invalidate', (key) => {
    if (key === null || key === undefined) listener.flushed();
    else listener.invalidated(asText(key));
  });
  const { opened, close } = openAndClose(tracking, async () => {
    await tracking.connect();
    // The driver has begun to track keys that are read here; nothing is read here.
    await tracking.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
    await tracking.sendCommand(['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', prefix]);
  });
  const channel = {
    prove: async () => {
      const role = tracking.sendCommand(['ROLE']);
      const cluster = inCluster ? tracking.sendCommand(['CLUSTER', 'INFO']) : undefined;
      const [first, second] = await Promise.all([role, cluster]);
      checkOffice(first, second);
    },
    runId: async () => runIdOf(await tracking.sendCommand(['INFO', 'server'])),
    close,
  };
  return { channel, opened };
}
