import { checkOffice, runIdOf } from './channel-proof.js';
import type { ChannelListener, InvalidationChannel } from './invalidations.js';
import { asText } from './redis-commands.js';
import { redisErrorText } from './redis-errors.js';

/** A client of one server. */
export interface DuplicableClient {
  readonly options?: { readonly socket?: object } | undefined;
  duplicate(overrides: object): TrackingClient;
}

interface TrackingClient {
  connect(): Promise<unknown>;
  sendCommand(args: string[]): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  destroy(): unknown;
}

/**
 * Opens a connection of RESP3, where the driver hands over what the server pushes. Its own cache is not
 * used: it tracks each key that was ever read, missing ones too, and serves what it has for as long as a
 * frozen connection looks alive.
 */
export function nodeRedisChannel(
  client: DuplicableClient,
  prefix: string,
  listener: ChannelListener,
  inCluster: boolean,
): { channel: InvalidationChannel; opened: Promise<void> } {
  const tracking = client.duplicate({
    RESP: 3,
    emitInvalidate: true,
    clientSideCache: undefined,
    url: undefined,
    keyPrefix: undefined,
    commandOptions: undefined,
    // What happens while it reconnects would be missed: a lost channel is replaced by another one.
    socket: { ...client.options?.socket, reconnectStrategy: false },
  });
  tracking.on('error', (error) => {
    listener.lost(redisErrorText(error));
  });
  tracking.on('end', () => {
    listener.lost('the connection was closed');
  });
  tracking.on('invalidate', (key) => {
    if (key === null || key === undefined) listener.flushed();
    else listener.invalidated(asText(key));
  });
  const open = async (): Promise<void> => {
    await tracking.connect();
    // The driver has begun to track keys that are read here; nothing is read here.
    await tracking.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
    await tracking.sendCommand(['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', prefix]);
  };
  const end = (): void => {
    try {
      tracking.destroy();
    } catch {
      // It is closed already.
    }
  };
  let isSettled = false;
  const opened = open().finally(() => {
    isSettled = true;
  });
  const channel = {
    prove: async () => {
      const role = tracking.sendCommand(['ROLE']);
      const cluster = inCluster ? tracking.sendCommand(['CLUSTER', 'INFO']) : undefined;
      const [first, second] = await Promise.all([role, cluster]);
      checkOffice(first, second);
    },
    runId: async () => runIdOf(await tracking.sendCommand(['INFO', 'server'])),
    close: () => {
      // A connection that is just being made would survive, and could not be ended later.
      if (isSettled) end();
      else opened.then(end, end);
    },
  };
  return { channel, opened };
}
