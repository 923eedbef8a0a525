/**
 * A point where code under test waits until the test lets it go: no sleeps, no luck.
 *
 *     handler:  await barrier.pass();
 *     test:     await barrier.arrived;  …  barrier.open();
 */
export class Barrier {
  /** Resolves when all that were expected wait. */
  readonly arrived: Promise<void>;
  private readonly opened: Promise<void>;
  private arrive!: () => void;
  private release!: () => void;

  /** @param missing how many have to come until all have arrived */
  constructor(private missing = 1) {
    this.arrived = new Promise((resolve) => (this.arrive = resolve));
    this.opened = new Promise((resolve) => (this.release = resolve));
  }

  /** Waits until the test opens. */
  pass(): Promise<void> {
    if (--this.missing === 0) this.arrive();
    return this.opened;
  }

  /** Lets go on who waits, and all who come later. */
  open(): void {
    this.release();
  }
}
