import type { SessionRecord } from '../session-store.js';
import { NO_RECORD } from '../no-record.js';

/** What a record takes beside its text, in bytes. */
const OVERHEAD = 300;

/** A load that is on its way; what it brings is kept only if nothing changed since it began. */
interface NearLoad {
  readonly epoch: number;
  isStale: boolean;
}

/**
 * Records near at hand, dropped when they change anywhere. They are served only up to a time that is
 * moved on while the server proves that it has told of every change: whatever happens to
 * the connection, none is served that was changed longer than that ago.
 */
export class NearCache {
  /** By id, the one served longest ago first. */
  private readonly records = new Map<string, SessionRecord>();
  private readonly loads = new Map<string, Set<NearLoad>>();
  private bytes = 0;
  private epoch = 0;
  private validUntil = 0;

  /**
   * @param maxBytes about how much memory the records may take
   * @param isHeard whether all servers are heard that there are
   */
  constructor(
    private readonly maxBytes: number,
    private readonly isHeard: () => boolean,
  ) {}

  /**
   * A record from here, or what `fetch` brings.
   *
   * @param isOver whether a record's time is over: another process may have prolonged it
   */
  load(
    id: string,
    isOver: (record: SessionRecord) => boolean,
    fetch: () => Promise<SessionRecord | undefined>,
  ): SessionRecord | Promise<SessionRecord | undefined> {
    const record = this.get(id, performance.now());
    if (record !== undefined && !isOver(record)) return record;
    const fetching = fetch();
    const load = this.begin(id);
    return fetching.then(
      (fetched) => {
        this.end(id, load, fetched);
        return fetched;
      },
      (error: unknown) => {
        this.end(id, load);
        throw error;
      },
    );
  }

  /** Runs a command that changes a record: what this process changes it sees at once. */
  async change<T>(id: string, run: () => Promise<T>): Promise<T> {
    this.invalidate(id);
    try {
      return await run();
    } finally {
      this.invalidate(id);
    }
  }

  /** A record that nobody has changed, as far as was to be known at `now` ms. */
  private get(id: string, now: number): SessionRecord | undefined {
    if (now >= this.validUntil) return undefined;
    const record = this.records.get(id);
    if (record === undefined) return undefined;
    this.records.delete(id);
    this.records.set(id, record);
    return record;
  }

  private begin(id: string): NearLoad {
    const load = { epoch: this.epoch, isStale: false };
    const others = this.loads.get(id);
    if (others === undefined) this.loads.set(id, new Set([load]));
    else others.add(load);
    return load;
  }

  /** Ends a load; keeps what it found, unless that may have changed meanwhile. */
  private end(id: string, load: NearLoad, record?: SessionRecord): void {
    const all = this.loads.get(id);
    all?.delete(load);
    if (all?.size === 0) this.loads.delete(id);
    if (record === undefined || record === NO_RECORD) return;
    if (load.isStale || load.epoch !== this.epoch || this.validUntil === 0 || !this.isHeard()) return;
    this.drop(id);
    this.records.set(id, record);
    this.bytes += sizeOf(record);
    for (const oldest of this.records.keys()) {
      if (this.bytes <= this.maxBytes) break;
      this.drop(oldest);
    }
  }

  /** Something changed the record, or is about to. */
  invalidate(id: string): void {
    this.drop(id);
    for (const load of this.loads.get(id) ?? []) load.isStale = true;
  }

  /** From now on every change is told of; what was loaded before is not kept. */
  open(validUntil: number): void {
    this.clear();
    this.validUntil = validUntil;
  }

  /** Every change up to a time was told of, so that records may be served for a while from then. */
  prolong(validUntil: number): void {
    // After a gap nobody knows whether it was the same server all the time.
    if (performance.now() >= this.validUntil) this.clear();
    this.validUntil = validUntil;
  }

  /** Changes are not told of any more. */
  close(): void {
    this.clear();
    this.validUntil = 0;
  }

  clear(): void {
    this.epoch++;
    this.records.clear();
    this.bytes = 0;
  }

  private drop(id: string): void {
    const record = this.records.get(id);
    if (record === undefined) return;
    this.records.delete(id);
    this.bytes -= sizeOf(record);
  }
}

function sizeOf({ payload }: SessionRecord): number {
  return payload.length + OVERHEAD;
}
