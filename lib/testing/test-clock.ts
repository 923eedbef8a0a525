/** A clock that only the test moves: `new TestClock()`, `{ clock: clock.now }`, `clock.advance(1_000)`. */
export class TestClock {
  private time: number;

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.time = start;
  }

  readonly now = (): number => this.time;

  advance(ms: number): void {
    this.time += ms;
  }
}
