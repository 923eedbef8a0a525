import type { SteeredStore } from './steered-store.js';

/** The one real time: how long a call of the store may take, in ms. Calls that are not to hang answer at once. */
export const STORE_TIMEOUT = 10;

/** What a store does in place of answering a call. */
export const FAULTS = [
  'throws',
  'hangs and is not carried out',
  'hangs and is carried out late',
  'is carried out, and its answer is lost',
] as const;

/** The same for all calls from then on, until `carryOut`. */
export const OUTAGE = 'throws, as do all that follow';
export type Fault = (typeof FAULTS)[number] | typeof OUTAGE;

/** Those after which the call has been carried out all the same. */
export const CARRIED_OUT: readonly Fault[] = FAULTS.slice(2);

/** Makes one of the next calls of a store fail; all others are carried out. */
export class FaultyCall {
  /** The calls up to the one that fails. */
  readonly calls: string[] = [];
  private late: (() => void) | undefined;

  /** @param index which call fails, from 0 */
  constructor(
    private readonly store: SteeredStore,
    index: number,
    fault: Fault,
  ) {
    store.steer = (name, run) => {
      this.calls.push(name);
      if (this.calls.length <= index) return run();
      if (fault !== OUTAGE) store.steer = undefined;
      return this.fail(fault, run);
    };
  }

  /** Ends the fault: lets a call that hangs be carried out, when it is one that comes late. */
  carryOut(): void {
    this.store.steer = undefined;
    this.late?.();
    this.late = undefined;
  }

  private fail(fault: Fault, run: () => unknown): unknown {
    if (fault === 'throws' || fault === OUTAGE) throw new Error('connection lost');
    if (fault === 'is carried out, and its answer is lost') run();
    return new Promise((resolve) => {
      if (fault === 'hangs and is carried out late') {
        this.late = () => {
          resolve(run());
        };
      }
    });
  }
}
