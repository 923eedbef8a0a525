import { OutgoingMessage, ServerResponse } from 'node:http';
import type { HeldAnswer, HeldResponse } from './held-answer.js';

type Method = (this: ServerResponse, ...args: unknown[]) => unknown;

/** Methods of a response that Node refuses, or has no use for, once its head has gone out. */
export interface HeadMethods {
  setHeader: Method;
  setHeaders: Method;
  appendHeader: Method;
  removeHeader: Method;
}

/**
 * Lets a held response read as if everything had gone out. By properties of the response itself: a
 * prototype of its own costs 17 µs a request, because V8 then forgets the shape of responses.
 *
 * @returns the methods that stood there before
 */
export function guardResponse(response: HeldResponse): HeadMethods {
  const target = response as unknown as HeadMethods;
  const { setHeader, setHeaders, appendHeader, removeHeader } = target;
  Object.defineProperty(response, 'headersSent', HEADERS_SENT);
  Object.defineProperty(response, 'writableEnded', WRITABLE_ENDED);
  target.setHeader = GUARDED.setHeader;
  target.setHeaders = GUARDED.setHeaders;
  target.appendHeader = GUARDED.appendHeader;
  target.removeHeader = GUARDED.removeHeader;
  return { setHeader, setHeaders, appendHeader, removeHeader };
}

/** As Node refuses it after the real call. */
export function headersSent(verb: 'set' | 'remove' | 'write'): Error {
  return Object.assign(new Error(`Cannot ${verb} headers after they are sent to the client`), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}

const HEADERS_SENT = readAs('headersSent', (hold) => hold.readsAsSent);
const WRITABLE_ENDED = readAs('writableEnded', (hold) => hold.readsAsEnded);

const GUARDED: HeadMethods = {
  setHeader: fixed('setHeader', 'set'),
  setHeaders: fixed('setHeaders', 'set'),
  appendHeader: fixed('appendHeader', 'set'),
  removeHeader: fixed('removeHeader', 'remove'),
};

function readAs(name: 'headersSent' | 'writableEnded', asSent: (hold: HeldAnswer) => boolean): PropertyDescriptor {
  // Found once: most responses are Node's own.
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on each response
  const ofNode = Object.getOwnPropertyDescriptor(OutgoingMessage.prototype, name)?.get;
  return {
    configurable: true,
    get(this: HeldResponse): unknown {
      if (asSent(holdOf(this))) return true;
      const prototype = Object.getPrototypeOf(this) as object;
      if (prototype === ServerResponse.prototype && ofNode !== undefined) return ofNode.call(this) as boolean;
      return Reflect.get(prototype, name, this);
    },
  };
}

function fixed(name: keyof HeadMethods, verb: 'set' | 'remove'): Method {
  return function (this: HeldResponse, ...args) {
    const hold = holdOf(this);
    if (hold.readsAsSent) throw headersSent(verb);
    return hold.head?.[name].apply(this, args);
  };
}

function holdOf(response: HeldResponse): HeldAnswer {
  return response.tokenSessionHold as HeldAnswer;
}
