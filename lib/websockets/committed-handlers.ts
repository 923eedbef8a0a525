import { WsProxy } from '@nestjs/websockets/context/ws-proxy.js';
import { concatMap, dematerialize, from, isObservable, materialize, Observable, type Subscription } from 'rxjs';
import { messageAmong, type SocketMessage } from './socket-message.js';
import { asWsException } from './ws-exception.js';

/** How long a handler that has given nothing yet may go on without its client, in ms: behind it may be a silent stream. */
const LEFT_BEHIND = 30_000;

type Handler = (...args: unknown[]) => Promise<unknown>;

/** Marks that handlers are committed, for both copies of this package. */
const COMMITTED = Symbol.for('nestjs-token-session.committed-handlers');

/**
 * Lets every handler of a gateway end with a commit of its message's session: after its guards, pipes and interceptors,
 * whatever they do, and before its exception filters, which hear of a commit that fails. That is between two halves of
 * one closure of Nest's; this is where it makes that. A message without sessions passes as it is.
 */
export function commitHandlers(): void {
  const prototype = WsProxy.prototype as WsProxy & { [COMMITTED]?: true };
  if (prototype[COMMITTED] === true) return;
  prototype[COMMITTED] = true;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own this below
  const { create } = prototype;
  prototype.create = function (this: WsProxy, handler: Handler, ...rest) {
    return create.call(this, committed(handler), ...rest);
  } as typeof create;
}

function committed(handler: Handler): Handler {
  return async (...args) => {
    const message = messageAmong(args);
    if (message === undefined) return handler(...args);
    message.isCommitted = true;
    try {
      const result = await handler(...args).catch(async (error: unknown) => {
        await message.end(500);
        throw error;
      });
      if (isObservable(result)) return committedStream(message, result);
      await message.end(200);
      return result;
    } catch (error) {
      throw asWsException(error);
    }
  };
}

/** Commits before each value, and before the end or the error. */
function committedStream(message: SocketMessage, source: Observable<unknown>): Observable<unknown> {
  return new Observable((subscriber) => {
    let hasBegun = false;
    const outcome = from(source).pipe(
      materialize(),
      concatMap(async (notification) => {
        hasBegun = true;
        await message.commit(notification.kind === 'E' ? 500 : 200);
        return notification;
      }),
      dematerialize(),
    );
    const finish = (): void => {
      message.end(500).catch(() => undefined);
    };
    const leave = (): void => {
      subscription.unsubscribe();
      finish();
    };
    const subscription: Subscription = outcome.subscribe({
      next(value) {
        if (!subscriber.closed) subscriber.next(value);
        else leave();
      },
      error(error) {
        finish();
        subscriber.error(asWsException(error));
      },
      complete() {
        finish();
        subscriber.complete();
      },
    });
    return () => {
      // A handler that still runs when its client leaves goes on, and what it changes is stored.
      if (hasBegun) leave();
      else if (!subscription.closed) subscription.add(leaveLater(leave));
    };
  });
}

/** Gives what takes it back. */
function leaveLater(leave: () => void): () => void {
  const timer = setTimeout(leave, LEFT_BEHIND).unref();
  return () => {
    clearTimeout(timer);
  };
}
