import type { RedisCommands } from './redis-commands.js';

/** How often a client that may not tell of its connection is asked for it, while commands wait, in ms. */
const WATCH_INTERVAL = 20;

/**
 * Lets commands through while there is a connection. A driver would queue them without bound and send
 * them all when it is back, long after whoever asked has had an answer. Here they wait as long as
 * an operation may take, and are never sent after that; once the server has been away for as long, nobody
 * waits any more.
 */
export class ConnectionGate {
  private waiting: Waiting[] = [];
  private watch: NodeJS.Timeout | undefined;
  /** When it was first seen that there is no connection, in ms of a clock that nobody sets. */
  private downSince: number | undefined;

  /** @param patience in ms */
  constructor(
    private readonly commands: Pick<RedisCommands, 'state' | 'onReady'>,
    private readonly patience: () => number,
  ) {
    commands.onReady(() => {
      this.opened();
    });
  }

  /** Undefined when commands can be sent now; else resolves when they can, and rejects when that takes too long. */
  pass(): Promise<void> | undefined {
    const state = this.commands.state();
    if (state === 'ready' || state === 'idle') {
      this.downSince = undefined;
      return undefined;
    }
    if (state === 'closed') {
      const remedy =
        'open it before the application listens (await client.connect()), and close it after the application';
      return Promise.reject(new NotConnectedError(`the Redis client is closed: ${remedy}`));
    }
    const now = performance.now();
    this.downSince ??= now;
    if (now - this.downSince >= this.patience()) return Promise.reject(new NotConnectedError());
    this.watch ??= setInterval(() => {
      if (this.commands.state() === 'ready') this.opened();
    }, WATCH_INTERVAL).unref();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((other) => other.timer !== timer);
        if (this.waiting.length === 0) this.stopWatching();
        reject(new NotConnectedError());
      }, this.patience());
      timer.unref();
      this.waiting.push({ timer, resolve });
    });
  }

  private opened(): void {
    this.downSince = undefined;
    this.stopWatching();
    const { waiting } = this;
    this.waiting = [];
    for (const { timer, resolve } of waiting) {
      clearTimeout(timer);
      resolve();
    }
  }

  private stopWatching(): void {
    clearInterval(this.watch);
    this.watch = undefined;
  }
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  readonly resolve: () => void;
}

/** The command was not sent. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';

  constructor(message = 'no connection to Redis') {
    super(message);
  }
}
