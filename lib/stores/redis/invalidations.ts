import { within } from '../deadline.js';
import { runIdOf } from './channel-proof.js';
import type { NearCache } from './near-cache.js';
import type { RedisCommands } from './redis-commands.js';
import { redisErrorText } from './redis-errors.js';

/** What a channel tells. */
export interface ChannelListener {
  /** A key was changed, removed or has expired. */
  invalidated(key: string): void;
  /** All keys were removed. */
  flushed(): void;
  /** The channel is lost. */
  lost(reason: string): void;
}

/** A connection on which one server tells of every change of keys with a prefix. */
export interface InvalidationChannel {
  /**
   * Resolves when the server has answered after everything that it told of before; rejects when it is no
   * master any more.
   */
  prove(): Promise<void>;
  /** Which server this is. */
  runId(): Promise<string>;
  close(): void;
}

/** How often the server has to prove that it tells of changes, within the time for which records are served; and in ms. */
const PROOFS = 4;
const LONGEST_INTERVAL = 1_000;

/** How long it takes to try again when the channels can't be opened, in ms: at first, and at most. */
const FIRST_DELAY = 100;
const LAST_DELAY = 5_000;

export interface InvalidationSettings {
  readonly prefix: string;
  /** For how long records are served after the last proof, in ms. */
  readonly maxStaleness: number;
  /** For how long a connection may take, in ms. */
  readonly patience: () => number;
  /** Tells, once each, why records are not served any more, and that they are again. */
  readonly told: (text: string) => void;
}

/** The client that reads and writes, for what it has to do with the channels. */
export interface Tracked {
  readonly track: NonNullable<RedisCommands['track']>;
  readonly nodes: RedisCommands['nodes'];
  readonly topology: RedisCommands['topology'];
  readonly onReady: RedisCommands['onReady'];
  readonly state: RedisCommands['state'];
}

/** Keeps a near cache told of changes by all servers that hold sessions. */
export class Invalidations {
  private channels: InvalidationChannel[] = [];
  private topology: string | undefined;
  private isOpen = false;
  private delay = FIRST_DELAY;
  private timer: NodeJS.Timeout | undefined;
  /** Counts the openings: what an earlier one still has to say is not heard. */
  private round = 0;
  private isClosed = false;
  private stopListening: (() => void) | undefined;
  /** Whether it was told that the channels are closed. */
  private isTold = false;

  constructor(
    private readonly client: Tracked,
    private readonly cache: NearCache,
    private readonly settings: InvalidationSettings,
  ) {}

  start(): void {
    void this.open();
    this.stopListening = this.client.onReady(() => {
      if (this.isClosed) return;
      // It may have found another server, of which these channels know nothing.
      this.shut();
      void this.open();
    });
  }

  /** Whether servers came or went since the channels were opened: some may not be heard. */
  get isOutdated(): boolean {
    return !this.isOpen || this.topology !== this.client.topology();
  }

  close(): void {
    this.isClosed = true;
    this.stopListening?.();
    this.shut();
  }

  private async open(): Promise<void> {
    const round = ++this.round;
    const { prefix, patience, maxStaleness } = this.settings;
    const opened: InvalidationChannel[] = [];
    let isGivenUp = false;
    const isOver = (): boolean => isGivenUp || round !== this.round || this.isClosed;
    try {
      const topology = this.client.topology();
      const listener = {
        invalidated: (key: string) => {
          this.cache.invalidate(key.slice(prefix.length));
        },
        flushed: () => {
          this.cache.clear();
        },
        lost: (reason: string) => {
          if (!isOver()) this.lose(reason);
        },
      };
      const opening = this.client.track(prefix, listener, (channel) => {
        if (isOver()) channel.close();
        else opened.push(channel);
      });
      await within(opening, patience(), () => new Error('no answer'));
      const provenAt = performance.now();
      await within(this.check(opened, topology), patience(), () => new Error('no answer'));
      if (isOver()) throw new Error('closed meanwhile');
      this.channels = opened;
      this.isOpen = true;
      this.topology = topology;
      this.delay = FIRST_DELAY;
      this.cache.open(provenAt + maxStaleness);
      if (this.isTold) this.settings.told('The near cache is in use again.');
      this.isTold = false;
      this.proveAgain(round);
    } catch (error) {
      const wasOver = isOver();
      isGivenUp = true;
      for (const channel of opened) channel.close();
      if (!wasOver) this.openLater(redisErrorText(error));
    }
  }

  /** Whether the channels lead to the servers that the client uses: a name may stand for several. */
  private async check(channels: readonly InvalidationChannel[], topology: string | undefined): Promise<void> {
    await prove(channels);
    if (channels.length === 0) throw new Error('no server is known yet');
    if (topology !== undefined) return;
    const [node] = await this.client.nodes();
    const [own, theirs] = await Promise.all([node?.info('server'), channels[0]?.runId()]);
    if (runIdOf(own) !== theirs) throw new Error('the client uses another server');
  }

  /** One proof after the other; a late one says as much as any, and until it comes nothing is served. */
  private proveAgain(round: number): void {
    const { maxStaleness } = this.settings;
    this.timer = setTimeout(
      () => {
        const isConnected = this.client.state() === 'ready';
        if (!isConnected || this.isOutdated) {
          this.lose(isConnected ? 'servers came or went' : 'the client has no connection');
          return;
        }
        const provenAt = performance.now();
        const patience = Math.max(maxStaleness, this.settings.patience());
        within(prove(this.channels), patience, () => new Error('no answer')).then(
          () => {
            if (round !== this.round || this.isClosed) return;
            this.cache.prolong(provenAt + maxStaleness);
            this.proveAgain(round);
          },
          (error: unknown) => {
            if (round === this.round) this.lose(redisErrorText(error));
          },
        );
      },
      Math.min(LONGEST_INTERVAL, maxStaleness / PROOFS),
    );
    this.timer.unref();
  }

  private lose(reason: string): void {
    this.shut();
    this.openLater(reason);
  }

  private shut(): void {
    this.round++;
    this.isOpen = false;
    clearTimeout(this.timer);
    this.cache.close();
    for (const channel of this.channels) channel.close();
    this.channels = [];
  }

  private openLater(reason: string): void {
    if (this.isClosed) return;
    if (!this.isTold) this.settings.told(`The near cache is bypassed until it is told of changes again: ${reason}.`);
    this.isTold = true;
    this.timer = setTimeout(() => void this.open(), this.delay);
    this.timer.unref();
    this.delay = Math.min(LAST_DELAY, this.delay * 2);
  }
}

async function prove(channels: readonly InvalidationChannel[]): Promise<void> {
  await Promise.all(channels.map((channel) => channel.prove()));
}
