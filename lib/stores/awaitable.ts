import type { Awaitable } from './session-store.js';

/** Whether an answer is still to come. */
export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Goes on with an answer: at once with one that is there, which costs a request no promise. */
export function following<T, R>(answer: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return isPromise(answer) ? answer.then(next) : next(answer);
}

/** Concludes a task by its outcome: at once where that is there. */
export function concluded<T, R>(
  task: () => Awaitable<T>,
  succeeded: (value: T) => R,
  failed: (error: unknown) => R,
): Awaitable<R> {
  let outcome: Awaitable<T>;
  try {
    outcome = task();
  } catch (error) {
    return failed(error);
  }
  return isPromise(outcome) ? outcome.then(succeeded, failed) : succeeded(outcome);
}
