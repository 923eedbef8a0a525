import { checkOffice, runIdOf } from './channel-proof.js';
import type { ChannelListener, InvalidationChannel } from './invalidations.js';
import { besideIoRedis, type DuplicableClient } from './ioredis.connection.js';

const CHANNEL = '__redis__:invalidate';

/**
 * Opens two connections, as RESP2 needs them: one on which the server tracks, one to which it publishes.
 */
export function ioredisChannel(
  client: DuplicableClient,
  prefix: string,
  listener: ChannelListener,
  inCluster: boolean,
): { channel: InvalidationChannel; opened: Promise<void> } {
  const lost = (reason: string): void => {
    listener.lost(reason);
  };
  const watcher = besideIoRedis(client, lost);
  const subscriber = besideIoRedis(client, lost);
  subscriber.on('messageBuffer', (_channel, keys) => {
    if (Array.isArray(keys)) for (const key of keys) listener.invalidated(String(key));
    else listener.flushed();
  });
  const open = async (): Promise<void> => {
    await Promise.all([watcher.connect(), subscriber.connect()]);
    const id = String(await subscriber.call('client', ['ID']));
    await subscriber.subscribe(CHANNEL);
    await watcher.call('client', ['TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', prefix]);
  };
  const channel = {
    prove: async () => {
      const cluster = inCluster ? watcher.call('cluster', ['INFO']) : undefined;
      const [role, info] = await Promise.all([watcher.call('role', []), cluster, subscriber.ping()]);
      checkOffice(role, info);
    },
    runId: async () => runIdOf(await watcher.call('info', ['server'])),
    close: () => {
      watcher.disconnect();
      subscriber.disconnect();
    },
  };
  return { channel, opened: open() };
}
