import { Observable, type Observer, type Operator, type Subscription } from 'rxjs';
import { isPromise } from './stores/awaitable.js';

/**
 * An Observable whose subscribers can throw without harm. rxjs rethrows such an error from a timer,
 * which ends the process; here it stops at the subscriber, after any operators too.
 */
class ShieldedObservable<T> extends Observable<T> {
  /** What operators make of this has to be shielded too; rxjs has no other place for it before version 8. */
  /* eslint-disable @typescript-eslint/no-deprecated -- see above */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new ShieldedObservable<R>();
    lifted.source = this;
    lifted.operator = operator as Operator<unknown, R> | undefined;
    return lifted;
  }
  /* eslint-enable @typescript-eslint/no-deprecated */

  override subscribe(observer?: Partial<Observer<T>> | ((value: T) => void) | null): Subscription {
    return super.subscribe(shield(observer));
  }
}

/** Hands each event to who is subscribed at that time; nothing that they throw comes back. */
export class EventStream<T> extends ShieldedObservable<T> {
  private readonly observers = new Set<{ next(event: T): void }>();

  constructor() {
    super((subscriber) => {
      this.observers.add(subscriber);
      return () => this.observers.delete(subscriber);
    });
  }

  emit(event: T): void {
    for (const observer of this.observers) observer.next(event);
  }
}

function shield<T>(observer: Partial<Observer<T>> | ((value: T) => void) | null | undefined): Partial<Observer<T>> {
  const target = typeof observer === 'function' ? { next: observer } : (observer ?? {});
  // rxjs hands its own operator subscribers through here too; they have to stay what they are.
  if ('isStopped' in target) return target;
  return {
    next: (value) => {
      quietly(() => target.next?.(value));
    },
    error: (error) => {
      quietly(() => target.error?.(error));
    },
    complete: () => {
      quietly(() => target.complete?.());
    },
  };
}

/** Runs code of the application whose faults are not the request's (law 12), at once or later. */
export function quietly(run: () => unknown): void {
  try {
    const result = run();
    // Not by its class: promises of other libraries fail too.
    if (isPromise(result)) result.then(undefined, () => undefined);
  } catch {
    // See above.
  }
}
