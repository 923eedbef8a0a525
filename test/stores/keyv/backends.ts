import { EventEmitter } from 'node:events';
import { Keyv as Keyv5 } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import type { KeyvClient } from 'nestjs-token-session/keyv';

/** How a backend that is away answers. */
export type Outage =
  /** As most adapters do. */
  | 'throws'
  /** As adapters of Redis do by default: an event, and undefined or false. */
  | 'emits and gives nothing'
  /** The same without an answer, which Keyv 5 takes for true. */
  | 'emits and gives undefined'
  /** The same, but the command was carried out. */
  | 'emits and carries out'
  /** As a cache that is full. */
  | 'gives false';

/** An adapter of Keyv on a backend apart: asynchronous, with outages. Nobody can go through its entries. */
export class MuteBackend extends EventEmitter {
  /** What a relational adapter says of itself: Keyv 5 goes through the entries of those it knows. */
  readonly opts = { dialect: 'sqlite', url: 'sqlite://' };
  namespace: string | undefined;
  readonly entries = new Map<string, unknown>();
  outage: Outage | undefined;
  /** Operations that the outage is about; default all. */
  affects: readonly string[] | undefined;

  async get(key: string): Promise<unknown> {
    return this.carryOut('get', undefined, () => this.entries.get(key));
  }

  async set(key: string, value: unknown, _ttl?: number): Promise<boolean> {
    return this.carryOut('set', false, () => {
      this.entries.set(key, value);
      return true;
    });
  }

  async delete(key: string): Promise<boolean> {
    return this.carryOut('delete', false, () => this.entries.delete(key));
  }

  async clear(): Promise<void> {
    this.entries.clear();
  }

  protected async carryOut<T>(operation: string, nothing: T, run: () => T): Promise<T> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.outage === undefined || this.affects?.includes(operation) === false) return run();
    if (this.outage === 'throws') throw new Error('the backend is away');
    if (this.outage === 'gives false') return nothing;
    const answer = this.outage === 'emits and carries out' ? run() : nothing;
    this.emit('error', new Error('the backend is away'));
    return this.outage === 'emits and gives undefined' && !Array.isArray(answer) ? (undefined as T) : answer;
  }
}

/** A backend whose entries can be gone through. */
export class Backend extends MuteBackend {
  async *iterator(): AsyncGenerator<[string, unknown]> {
    // All at once, as a page of a query.
    for (const entry of await this.carryOut('iterator', [], () => [...this.entries])) yield entry;
  }
}

export interface KeyvVersion {
  readonly version: string;
  open(store?: MuteBackend | Map<string, unknown>, options?: { namespace?: string; emitErrors?: boolean }): KeyvClient;
}

/** Each version that the store is tested with: `describe.each(VERSIONS)('$version', ({ open }) => …)`. */
export const VERSIONS: readonly KeyvVersion[] = [
  { version: 'keyv 5', open: (store, options) => new Keyv5(store as Map<string, unknown>, options) },
  { version: 'keyv 6', open: (store, options) => new Keyv6(store, options) },
];
