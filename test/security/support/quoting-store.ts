import { inspect } from 'node:util';

type Operation = (...args: unknown[]) => unknown;
type Members = Record<PropertyKey, unknown>;

/** How a call goes wrong. */
export type Failing = 'throws' | 'rejects' | 'hangs' | 'loses its answer';

/** Faults of a store whose errors quote the whole command with its arguments, as drivers' errors do. */
export class QuotingFaults {
  /** The operation that fails, `users.add` for one of the index; undefined: none. */
  operation: string | undefined;
  failing: Failing = 'throws';

  /** The same store, with faults. */
  around<S extends object>(store: S, prefix = ''): S {
    return new Proxy(store, {
      get: (inner, key) => {
        // Not on the proxy: classes with private members would not know it.
        const value = (inner as Members)[key];
        if (key === 'users' && typeof value === 'object' && value !== null) return this.around(value, 'users.');
        if (typeof value !== 'function' || key === 'constructor') return value;
        const run = (...args: unknown[]): unknown =>
          this.run(`${prefix}${String(key)}`, value as Operation, inner, args);
        return Object.defineProperty(run, 'length', { value: value.length });
      },
    });
  }

  private run(name: string, operation: Operation, inner: object, args: unknown[]): unknown {
    if (name !== this.operation) return operation.apply(inner, args);
    const command = { name: name.toUpperCase(), args };
    const error = Object.assign(new Error(`ERR in '${name}' with ${inspect(args, { depth: 9 })}`), {
      command,
      cause: new Error(`-ERR ${JSON.stringify(args)}`),
    });
    switch (this.failing) {
      case 'throws':
        throw error;
      case 'rejects':
        return Promise.reject(error);
      case 'hangs':
        return new Promise(() => undefined);
      case 'loses its answer':
        return Promise.resolve(operation.apply(inner, args)).then(() => Promise.reject(error));
    }
  }
}
