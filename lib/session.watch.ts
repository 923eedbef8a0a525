import { quietly } from './event-stream.js';
import type { SessionEngine } from './session.engine.js';
import { interpret } from './session.reading.js';
import { sessionEnd } from './session.record.js';
import { Looks } from './session.looks.js';
import { isPromise } from './stores/awaitable.js';
import { endOf, type Awaitable, type SessionRecord, type UpdateResult } from './stores/session-store.js';
import { type UNREADABLE, type EndWatcher } from './stores/store-access.js';

/**
 * What became of a session: it was destroyed (a logout, `destroyAll`, an eviction), it passed its idle or absolute
 * limit, or it goes on under a new token that whoever watches does not have.
 */
export type SessionEnd = 'ended' | 'expired' | 'renewed';

/** How often is looked for what is due, in ms. One timer for all. */
const TICK = 100;

/** How often a session is looked at, in ms: while the store does not tell of ends, so that one is seen within a second. */
const POLL_INTERVAL = 500;
/** The same while it does: what it tells may get lost without a sign. */
const SAFETY_INTERVAL = 30_000;

/** Over how many ticks one look at all sessions is spread; in each at least so many. */
const TICKS_PER_ROUND = 6;
const LEAST_PER_TICK = 50;

/** A session that is gone so shortly before its known end has expired: clocks of servers and processes differ. In ms. */
const MARGIN = 1_000;

/** For how long it goes on listening when nothing is watched any more, in ms: who reconnects needs no new connection. */
const LINGER = 10_000;

const NO_LIMIT = Infinity;

interface Watched {
  readonly listeners: Set<{ readonly ended: (why: SessionEnd) => void }>;
  /** When it ends as far as is known, in ms since the epoch: touches elsewhere may have moved that. */
  endsAt: number;
  /** When the last look at it began, in ms of a clock that nobody sets. */
  lookedAt: number;
}

/**
 * Tells when sessions end, wherever that happens: in this process at once; elsewhere by what the store tells, or by
 * looking again and again where it can't. What a store tells is a hint: the record decides.
 */
export class SessionWatch implements EndWatcher {
  private readonly watched = new Map<string, Watched>();
  private readonly looks = new Looks((id) => this.look(id));
  private timer: NodeJS.Timeout | undefined;
  /** Since when nothing is watched, by the same clock as the looks. */
  private idleSince = 0;
  private stopListening: (() => Awaitable<void>) | undefined;
  /** Counts the times of listening: what is told to an earlier one is not heard. */
  private round = 0;
  private isTold = false;
  private isClosed = false;

  constructor(private readonly engine: SessionEngine) {}

  /** See {@link SessionEngine.watch}. */
  watch(id: string, ended: (why: SessionEnd) => void): () => void {
    if (this.isClosed) return () => undefined;
    const entry = this.watched.get(id) ?? this.begin(id);
    // One for each call, also when it is the same function.
    const listener = { ended };
    entry.listeners.add(listener);
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size === 0 && this.watched.get(id) === entry) this.forget(id);
    };
  }

  /** Tells whoever watches a session that it has ended. */
  tell(id: string, why: SessionEnd): void {
    const entry = this.watched.get(id);
    if (entry === undefined) return;
    this.forget(id);
    for (const { ended } of entry.listeners) {
      quietly(() => ended(why));
    }
  }

  /** Something may have ended a session. */
  lookAt(id: string): void {
    if (this.watched.has(id)) this.looks.add(id);
  }

  lookAtAll(): void {
    for (const id of this.watched.keys()) this.looks.add(id);
  }

  destroyed(
    id: string,
    version: string | undefined,
    answer: Awaitable<SessionRecord | undefined>,
  ): Awaitable<SessionRecord | undefined> {
    return this.after(id, answer, (there) => {
      const isRemoved = there !== undefined && (version ?? there.version) === there.version;
      if (isRemoved) this.tell(id, 'ended');
      else this.lookAt(id);
    });
  }

  replaced(id: string, answer: Awaitable<UpdateResult>): Awaitable<UpdateResult> {
    return this.after(id, answer, ({ status }) => {
      if (status === 'updated') this.tell(id, 'renewed');
      else this.lookAt(id);
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.watched.clear();
    await this.stop();
  }

  private after<T>(id: string, answer: Awaitable<T>, act: (value: T) => void): Awaitable<T> {
    if (isPromise(answer)) {
      answer.then(act, () => {
        this.lookAt(id);
      });
    } else act(answer);
    return answer;
  }

  private begin(id: string): Watched {
    const entry: Watched = { listeners: new Set(), endsAt: NO_LIMIT, lookedAt: -NO_LIMIT };
    this.watched.set(id, entry);
    if (this.timer === undefined) this.start();
    // It may have ended since whoever watches has loaded it.
    this.looks.add(id);
    return entry;
  }

  private forget(id: string): void {
    this.watched.delete(id);
    this.looks.delete(id);
    if (this.watched.size === 0) this.idleSince = performance.now();
  }

  private start(): void {
    const { store } = this.engine;
    store.watcher = this;
    this.timer = setInterval(() => {
      this.tick();
    }, TICK);
    this.timer.unref();
    const round = ++this.round;
    const ifCurrent = (act: () => void): void => {
      if (round === this.round) act();
    };
    quietly(() => {
      this.stopListening = store.endings?.listen({
        ended: (id) => {
          ifCurrent(() => {
            this.lookAt(id);
          });
        },
        connected: () => {
          ifCurrent(() => {
            this.isTold = true;
            this.lookAtAll();
          });
        },
        lost: () => {
          ifCurrent(() => {
            this.isTold = false;
          });
        },
      });
    });
  }

  private async stop(): Promise<void> {
    const { stopListening } = this;
    this.round++;
    this.isTold = false;
    this.engine.store.watcher = undefined;
    this.stopListening = undefined;
    clearInterval(this.timer);
    this.timer = undefined;
    this.looks.clear();
    try {
      await stopListening?.();
    } catch {
      // Nobody listens any more, whatever became of the connection.
    }
  }

  private tick(): void {
    const now = this.engine.now();
    const time = performance.now();
    if (this.watched.size === 0 && time - this.idleSince >= LINGER) {
      void this.stop();
      return;
    }
    const interval = this.isTold ? SAFETY_INTERVAL : POLL_INTERVAL;
    let room = Math.max(LEAST_PER_TICK, Math.ceil(this.watched.size / TICKS_PER_ROUND));
    for (const [id, { endsAt, lookedAt }] of this.watched) {
      if (endsAt > now && (room === 0 || time - lookedAt < interval)) continue;
      if (endsAt > now) room--;
      this.looks.addUnlessUnderWay(id);
    }
    this.looks.go();
  }

  private look(id: string): void | Promise<void> {
    const entry = this.watched.get(id);
    if (entry === undefined) return;
    entry.lookedAt = performance.now();
    // In the order of the last look: where there is no room for all it is the turn of those looked at longest ago.
    this.watched.delete(id);
    this.watched.set(id, entry);
    const loaded = this.engine.store.load(id);
    const take = (record: Awaited<typeof loaded>): void => {
      if (this.watched.get(id) === entry) this.take(id, entry, record);
    };
    if (isPromise(loaded)) return Promise.resolve(loaded).then(take);
    take(loaded);
  }

  private take(id: string, entry: Watched, loaded: SessionRecord | typeof UNREADABLE | undefined): void {
    const reading = interpret(this.engine, id, loaded);
    switch (reading.kind) {
      case 'live':
        entry.endsAt = sessionEnd(reading.record, this.engine.options);
        break;
      case 'kept':
        // A session all the same: of a newer version, say.
        entry.endsAt = endOf(loaded as SessionRecord);
        break;
      case 'rotated':
        this.tell(id, 'renewed');
        break;
      case 'expired':
        this.tell(id, 'expired');
        break;
      case 'missing':
        this.tell(id, entry.endsAt - MARGIN <= this.engine.now() ? 'expired' : 'ended');
        break;
      case 'corrupt':
        this.tell(id, 'ended');
    }
  }
}
