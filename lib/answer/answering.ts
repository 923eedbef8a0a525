import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';

/** Which response the code that runs now is to answer with an error. */
const context = new AsyncLocalStorage<ServerResponse>();
let open = 0;

/**
 * Runs what gives an error in place of a dropped answer, so that its calls can be told from those of
 * the handler whose answer was dropped: both hold the same response, and both may go on for a while.
 */
export function answerApart(response: ServerResponse, run: () => void): void {
  open++;
  context.run(response, run);
  // On Node 20 a store in use costs every promise of the process something; failures are rare.
  const close = (): void => {
    if (--open === 0) context.disable();
  };
  if (response.destroyed) setImmediate(close);
  else response.once('close', close);
}

/** Whether the code that runs now answers this response with an error. */
export function isAnswering(response: ServerResponse): boolean {
  return context.getStore() === response;
}
