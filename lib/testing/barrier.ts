/**
 * A point where code under test waits until the test lets it go: no sleeps, no luck.
 *
 *     handler:  await barrier.pass();
 *     test:     await barrier.arrived;  …  barrier.open();
 */
export class Barrier {
  readonly arrived: Promise<void>;
  private readonly opened: Promise<void>;
  private arrive!: () => void;
  private release!: () => void;

  /** @param missing how many have to come until all have arrived */
  constructor(private missing = 1) {
    this.arrived = new Promise((resolve) => (this.arrive = resolve));
    this.opened = new Promise((resolve) => (this.release = resolve));
  }

  pass(): Promise<void> {
    if (--this.missing === 0) this.arrive();
    return this.opened;
  }

  open(): void {
    this.release();
  }
}
