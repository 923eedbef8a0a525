import { OutgoingMessage, ServerResponse } from 'node:http';
import type { HeldAnswer, HeldResponse } from './held-answer.js';

type Method = (this: ServerResponse, ...args: unknown[]) => unknown;

/** Methods with which a response is sent. */
type HeldMethods = Record<'writeHead' | 'flushHeaders' | 'write' | 'end', unknown>;

/** Methods of a response that Node refuses, or has no use for, once its head has gone out. */
export interface HeadMethods {
  setHeader: Method;
  setHeaders: Method;
  appendHeader: Method;
  removeHeader: Method;
}

/**
 * Lets a held response read as if its head had gone out, until it is told otherwise below. By properties of the response
 * itself: a prototype of its own costs 17 µs a request, because V8 then forgets the shape of responses.
 *
 * @returns the methods that stood there before
 */
export function guardResponse(response: HeldResponse): HeadMethods {
  const { setHeader, setHeaders, appendHeader, removeHeader } = response as unknown as HeadMethods;
  new Guard(response);
  return { setHeader, setHeaders, appendHeader, removeHeader };
}

/** Lets a guarded response read as if `end` had been called. */
export function readAsEnded(response: HeldResponse): void {
  (response as unknown as Guard).writableEnded = true;
}

/** Lets a guarded response read as it is; again after each change. Only for one that has Node's own methods. */
export function readAsItIs(response: HeldResponse): void {
  const target = response as unknown as Guard;
  target.headersSent = ofNode('headersSent', response);
  target.writableEnded = ofNode('writableEnded', response);
}

/** Lets a guarded response ask its hold each time. */
export function readAsHoldSays(response: HeldResponse): void {
  Object.defineProperty(response, 'headersSent', HEADERS_SENT);
  Object.defineProperty(response, 'writableEnded', WRITABLE_ENDED);
}

/** Whether what is done with a response is done by Node itself, and at once: no middleware is between. */
export function isNodes({ writeHead, flushHeaders, write, end }: HeldMethods): boolean {
  return end === NODE.end && write === NODE.write && writeHead === NODE.writeHead && flushHeaders === NODE.flushHeaders;
}

/** As Node refuses it after the real call. */
export function headersSent(verb: 'set' | 'remove' | 'write'): Error {
  return Object.assign(new Error(`Cannot ${verb} headers after they are sent to the client`), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}

type NodeGetter = 'headersSent' | 'writableEnded';

const NODE = ServerResponse.prototype;

/** Found once: the properties of the response hide them. */
const GETTERS = { headersSent: getterOf('headersSent'), writableEnded: getterOf('writableEnded') };

const HEADERS_SENT = readAs('headersSent', (hold) => hold.readsAsSent);
const WRITABLE_ENDED = readAs('writableEnded', (hold) => hold.readsAsEnded);

const GUARDED: HeadMethods = {
  setHeader: fixed('setHeader', 'set'),
  setHeaders: fixed('setHeaders', 'set'),
  appendHeader: fixed('appendHeader', 'set'),
  removeHeader: fixed('removeHeader', 'remove'),
};

function readAs(name: NodeGetter, asSent: (hold: HeldAnswer) => boolean): PropertyDescriptor {
  return {
    configurable: true,
    get(this: HeldResponse): unknown {
      if (asSent(holdOf(this))) return true;
      return Reflect.get(Object.getPrototypeOf(this) as object, name, this);
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

function getterOf(name: NodeGetter): () => boolean {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on each response
  return Object.getOwnPropertyDescriptor(OutgoingMessage.prototype, name)?.get as () => boolean;
}

function ofNode(name: NodeGetter, response: HeldResponse): boolean {
  return GETTERS[name].call(response);
}

/** Makes the fields of a class fields of another object. */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- there is no other way to define a field fast
class Onto {
  constructor(target: object) {
    return target;
  }
}

/** Not by `Object.defineProperty`, which takes some 3 µs more a request, nor by assignment, which the getters refuse. */
class Guard extends Onto {
  headersSent = true;
  writableEnded = false;
  readonly setHeader = GUARDED.setHeader;
  readonly setHeaders = GUARDED.setHeaders;
  readonly appendHeader = GUARDED.appendHeader;
  readonly removeHeader = GUARDED.removeHeader;
}
