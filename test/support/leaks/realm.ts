import { OutputWatch } from './output-watch.js';

/** What the check hears in this spec file: one for all its modules. */
export const watch = new OutputWatch(undefined, () => expect.getState().currentTestName);

/** Says that a spec prints this token on purpose. */
export function printedOnPurpose(token: string): void {
  watch.search.forget(token);
}
