import type { RedisCommands } from './redis-commands.js';

/** How often the client is asked for a connection while commands wait, in ms: not every client tells. */
export const WATCH_INTERVAL = 20;

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
    private readonly commands: Pick<RedisCommands, 'state' | 'lastError'>,
    private readonly patience: () => number,
  ) {}

  /** Undefined when commands can be sent now; else resolves when they can, and rejects when that takes too long. */
  pass(): Promise<void> | undefined {
    const state = this.commands.state();
    if (state === 'ready' || state === 'idle') {
      this.downSince = undefined;
      return undefined;
    }
    if (state === 'closed') {
      const remedy = 'call client.connect() at the start, and close it when the application has stopped';
      return Promise.reject(new NotConnectedError(`the Redis client is closed: ${remedy}`));
    }
    const now = performance.now();
    this.downSince ??= now;
    if (now - this.downSince >= this.patience()) return Promise.reject(this.notConnected());
    this.watch ??= setInterval(() => {
      if (this.commands.state() !== 'connecting') this.opened();
    }, WATCH_INTERVAL).unref();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((other) => other.timer !== timer);
        reject(this.notConnected());
      }, this.patience());
      timer.unref();
      this.waiting.push({ timer, resolve });
    });
  }

  private notConnected(): NotConnectedError {
    const reason = this.commands.lastError();
    return new NotConnectedError(`no connection to Redis${reason === undefined ? '' : `: ${reason}`}`);
  }

  private opened(): void {
    this.downSince = undefined;
    clearInterval(this.watch);
    this.watch = undefined;
    const { waiting } = this;
    this.waiting = [];
    for (const { timer, resolve } of waiting) {
      clearTimeout(timer);
      resolve();
    }
  }
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  readonly resolve: () => void;
}

/** The command was not sent. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';
}
