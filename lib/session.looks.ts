/** How many looks are under way at a time. */
const AT_ONCE = 50;

/** After so many failures in a row, without a success for as long as a rest, it is the store that fails and not a part of it. */
const MANY = 10;

/** How long is waited then after each look that fails, and until one that has failed is looked at again, in ms. */
const REST = 500;

/** Looks at one session after the other, some at a time; none is looked at twice at once. */
export class Looks {
  private readonly waiting = new Set<string>();
  /** Whether it has to be looked at once more: what changed meanwhile this look may not see. */
  private readonly underWay = new Map<string, { again: boolean }>();
  /** Those whose look failed: one of them is tried at a time, so that they are in nobody's way while a shard is down. */
  private readonly failed = new Set<string>();
  private retryAt = 0;
  private isScheduled = false;
  private failuresInRow = 0;
  private succeededAt = -Infinity;
  /** A store that fails is asked for one at a time, and not before this time. */
  private restUntil = 0;

  /** @param look fails where nothing was to be seen */
  constructor(private readonly look: (id: string) => void | Promise<void>) {}

  /** Looks soon, and not before now: never within this call. */
  add(id: string): void {
    const current = this.underWay.get(id);
    this.failed.delete(id);
    if (current === undefined) this.waiting.add(id);
    else current.again = true;
    this.schedule();
  }

  /** The same where it is not asked for because something happened. */
  addUnlessUnderWay(id: string): void {
    if (!this.underWay.has(id) && !this.failed.has(id)) this.waiting.add(id);
  }

  delete(id: string): void {
    this.waiting.delete(id);
    this.failed.delete(id);
  }

  clear(): void {
    this.waiting.clear();
    this.failed.clear();
  }

  /** Begins what may be begun. */
  go(): void {
    // A store in memory answers at once; others get their turn in between.
    for (let begun = 0; begun < AT_ONCE && this.hasRoom; begun++) {
      // A store that fails is tried by those that have not failed yet: they may lie where it still answers.
      const mayRetry = !this.isDown || this.waiting.size === 0;
      const isRetry = mayRetry && this.failed.size > 0 && performance.now() >= this.retryAt;
      const from = isRetry ? this.failed : this.waiting;
      const [id] = from;
      if (id === undefined) return;
      from.delete(id);
      if (isRetry) this.retryAt = performance.now() + REST;
      this.begin(id, isRetry);
    }
    if (this.waiting.size > 0 && this.hasRoom) this.schedule();
  }

  private get isDown(): boolean {
    return this.failuresInRow >= MANY && performance.now() - this.succeededAt >= REST;
  }

  private get hasRoom(): boolean {
    if (!this.isDown) return this.underWay.size < AT_ONCE;
    return this.underWay.size === 0 && performance.now() >= this.restUntil;
  }

  private begin(id: string, isRetry: boolean): void {
    const current = { again: false };
    this.underWay.set(id, current);
    const end = (isSeen: boolean): void => {
      this.underWay.delete(id);
      if (isSeen) this.succeeded(isRetry);
      else this.hasFailed(id);
      if (current.again) this.waiting.add(id);
    };
    let looking: void | Promise<void>;
    try {
      looking = this.look(id);
    } catch {
      end(false);
      return;
    }
    if (looking === undefined) {
      end(true);
      return;
    }
    looking.then(
      () => {
        end(true);
        this.go();
      },
      () => {
        end(false);
        this.go();
      },
    );
  }

  private succeeded(isRetry: boolean): void {
    this.failuresInRow = 0;
    this.succeededAt = performance.now();
    if (!isRetry) return;
    for (const id of this.failed) this.waiting.add(id);
    this.failed.clear();
  }

  private hasFailed(id: string): void {
    const later = performance.now() + REST;
    if (this.failed.size === 0) this.retryAt = later;
    this.failed.add(id);
    this.failuresInRow++;
    this.restUntil = later;
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.go();
    });
  }
}
