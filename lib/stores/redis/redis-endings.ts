import { EndingsLine, type LineSettings } from '../endings-line.js';
import type { EndingsListener, SessionEndings } from '../session-store.js';
import { isRefusal, type RedisCommands } from './redis-commands.js';
import { redisErrorText } from './redis-errors.js';
import { RedisScript } from './redis-script.js';

/** What stands in the place of a key when all sessions were removed. */
export const ALL = '*';

/** KEYS: one of the store's. ARGV: channel, message. A script, as that is what all drivers send in the same way. */
export const PUBLISH = new RedisScript("redis.pcall('PUBLISH', ARGV[1], ARGV[2])\nreturn 1\n");

/** The client that reads and writes, for what it has to do with the channel. */
export interface Subscribing extends Pick<RedisCommands, 'topology' | 'onReady' | 'state'> {
  readonly subscribe: NonNullable<RedisCommands['subscribe']>;
}

export interface RedisEndingsSettings {
  /** Its name. */
  readonly channel: string;
  /** What all keys begin with, the driver's prefix included. */
  readonly prefix: string;
  /** For how long a connection may take, in ms. */
  readonly patience: () => number;
  /** Tells what the application should know. */
  readonly told: (text: string) => void;
}

/**
 * Ends of sessions by Redis's pub/sub: the scripts publish the key. In a Cluster each message reaches all nodes, so that
 * one connection to any of them is enough. (`SPUBLISH` stays within a shard: there would have to be a channel and a
 * connection for each, and Redis 6.2 does not have it.)
 */
export class RedisEndings implements SessionEndings {
  constructor(
    private readonly client: Subscribing,
    private readonly settings: RedisEndingsSettings,
  ) {}

  listen(listener: EndingsListener): () => void {
    const line = new EndingsLine(this.lineSettings(), listener);
    // It may have found another server, of which this line knows nothing.
    const stopHearing = this.client.onReady(() => {
      line.renew();
    });
    return () => {
      stopHearing();
      line.stop();
    };
  }

  private lineSettings(): LineSettings {
    const { client, settings } = this;
    const { channel, prefix, patience } = settings;
    let topology: string | undefined;
    let isTold = false;
    return {
      open: (events, opening) => {
        topology = client.topology();
        return client.subscribe(channel, events, (line) => {
          // Whoever is refused a PING has had an answer.
          const ping = (): Promise<unknown> => line.ping().catch((error: unknown) => isRefusal(error) || fail(error));
          opening({ ...line, ping });
        });
      },
      read: (message) => {
        if (message === ALL) return 'all';
        return message.startsWith(prefix) ? { id: message.slice(prefix.length) } : undefined;
      },
      patience,
      isOutdated: () => topology !== client.topology(),
      told: (reason) => {
        // Without any connection to Redis there are other words for it.
        if (isTold || client.state() !== 'ready' || !/^[A-Z]+ /.test(reason)) return;
        isTold = true;
        settings.told(
          'Redis does not tell of sessions that end elsewhere: those that are watched are loaded more than once a ' +
            `second. The channel is ${channel}: ${redisErrorText(reason)}.`,
        );
      },
    };
  }
}

function fail(error: unknown): never {
  throw error;
}
