import type { TracingChannel } from 'node:diagnostics_channel';
import { classOf } from '../error-text.js';
import { isPromise } from '../stores/awaitable.js';
import type { Awaitable } from '../stores/session-store.js';

/** A message to which its end is added. */
interface Traced<Outcome> {
  outcome?: Outcome;
  errorType?: string;
}

/**
 * Runs something with what its channel tells before and after; to be called where the channel has subscribers only.
 * What comes at once is given at once. Not Node's own `traceSync` and `tracePromise`: those put the result and the
 * error into the message, and with them data of sessions.
 *
 * @param outcomeOf what is told of a result
 */
export function traced<Message extends Traced<Outcome> & object, Outcome, Answer extends Awaitable<unknown>>(
  channel: TracingChannel<unknown, Message>,
  message: Message,
  run: () => Answer,
  outcomeOf: (result: Awaited<Answer>) => Outcome,
): Answer {
  const succeeded = (result: unknown): void => {
    try {
      message.outcome = outcomeOf(result as Awaited<Answer>);
    } catch (error) {
      // What a store of others gives may fail when it is looked at.
      message.errorType = errorTypeOf(error);
    }
  };
  const failed = (error: unknown): void => {
    message.errorType = errorTypeOf(error);
    channel.error.publish(message);
  };
  const settling =
    (tell: (value: unknown) => void) =>
    (value: unknown): void => {
      tell(value);
      channel.asyncStart.publish(message);
      channel.asyncEnd.publish(message);
    };
  return channel.start.runStores(message, () => {
    try {
      const answer = run();
      if (isPromise(answer)) answer.then(settling(succeeded), settling(failed));
      else succeeded(answer);
      return answer;
    } catch (error) {
      failed(error);
      throw error;
    } finally {
      channel.end.publish(message);
    }
  });
}

/** The errors of this package, of whichever copy of it. */
const OURS = new Set(['SessionError', 'SessionDataError', 'SessionUsageError', 'SessionConfigError']);

/** Never the message: others may quote in theirs what is stored. */
function errorTypeOf(error: unknown): string {
  if (error instanceof Error && OURS.has(error.name) && 'code' in error) return String(error.code);
  return classOf(error);
}
