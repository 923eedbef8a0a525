import type { ServerResponse } from 'node:http';
import { HOLD, type HeldAnswer, type HeldResponse } from './held-answer.js';

const guarded = new WeakMap<object, object>();

/**
 * A prototype between a response and its own: while the answer is held it lets the response read as
 * if everything had gone out. One for each kind of response, so V8 keeps the hidden classes.
 */
export function guardedPrototypeOf(response: ServerResponse): object {
  const base = Object.getPrototypeOf(response) as object;
  let prototype = guarded.get(base);
  if (prototype === undefined) {
    prototype = guard(base);
    guarded.set(base, prototype);
    // A response that is held a second time (by a second layer) needs no second one.
    guarded.set(prototype, prototype);
  }
  return prototype;
}

function guard(base: object): object {
  const readAs = (name: string, asSent: (hold: HeldAnswer) => boolean): PropertyDescriptor => ({
    configurable: true,
    get(this: HeldResponse): unknown {
      const hold = this[HOLD];
      return (hold !== undefined && asSent(hold)) || Reflect.get(base, name, this);
    },
  });
  const fixed = (name: string): PropertyDescriptor => ({
    configurable: true,
    writable: true,
    value(this: HeldResponse, ...args: unknown[]): unknown {
      if (this[HOLD]?.readsAsSent === true) throw headersSent(name === 'removeHeader' ? 'remove' : 'set');
      return (Reflect.get(base, name, this) as (...args: unknown[]) => unknown).apply(this, args);
    },
  });
  return Object.create(base, {
    headersSent: readAs('headersSent', (hold) => hold.readsAsSent),
    writableEnded: readAs('writableEnded', (hold) => hold.readsAsEnded),
    // compression makes the head itself whenever it sees none, and Node's own end and write do.
    _implicitHeader: {
      configurable: true,
      value(this: HeldResponse): unknown {
        if (this[HOLD]?.readsAsSent === true) return undefined;
        return (Reflect.get(base, '_implicitHeader', this) as () => unknown).call(this);
      },
    },
    setHeader: fixed('setHeader'),
    setHeaders: fixed('setHeaders'),
    appendHeader: fixed('appendHeader'),
    removeHeader: fixed('removeHeader'),
  }) as object;
}

/** As Node refuses it after the real call. */
export function headersSent(verb: 'set' | 'remove' | 'write'): Error {
  return Object.assign(new Error(`Cannot ${verb} headers after they are sent to the client`), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}
