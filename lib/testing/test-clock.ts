import { toMs, type Duration } from '../session.duration.js';
import { SessionConfigError } from '../session.errors.js';

/** A clock that only the test moves: `new TestClock()`, `{ clock: clock.now }`, `clock.advance('30m')`. */
export class TestClock {
  private time: number;

  /** @param start ms since the epoch. Default: the beginning of 2026 */
  constructor(start = Date.UTC(2026, 0, 1)) {
    this.time = start;
  }

  /** The time in ms since the epoch; give it as the option `clock`. */
  readonly now = (): number => this.time;

  /**
   * Moves the clock.
   *
   * @param time ms, below 0 to put the clock back; or text such as `'30m'`, `'12h'`
   * @throws SessionConfigError `INVALID_OPTION`
   */
  advance(time: Duration): void {
    const ms = typeof time === 'string' ? toMs(time) : time;
    if (!Number.isFinite(ms)) {
      throw new SessionConfigError(
        'INVALID_OPTION',
        `TestClock.advance takes a number of ms, or text such as '30m', '12h', '90d'; got '${String(time)}'.`,
      );
    }
    this.time += ms as number;
  }
}
