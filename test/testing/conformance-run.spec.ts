import { MemoryStore, type AtomicSessionStore, type StoreHost } from 'nestjs-token-session';
import type { OpenStore, StoreContext } from 'nestjs-token-session/testing';
import { failedRules, rulesFor } from './support/failed-rules.js';

const RULE = 'law 6: destroy: gives what was there; then the session is missing';

/** A memory store that notes when it is attached, asked and closed. */
class NotedStore extends MemoryStore {
  constructor(
    private readonly noted: string[],
    private readonly failure?: string,
  ) {
    super();
  }

  override attach(host: StoreHost): void {
    this.noted.push('attach');
    super.attach(host);
  }

  override load(id: string): ReturnType<MemoryStore['load']> {
    if (this.noted.at(-1) !== 'load') this.noted.push('load');
    return super.load(id);
  }

  close(): Promise<void> {
    this.noted.push('close');
    return this.failure === undefined ? Promise.resolve() : Promise.reject(new Error(this.failure));
  }
}

async function failureOf(open: OpenStore): Promise<string | undefined> {
  const failed = await failedRules(rulesFor(open, {}).filter(({ title }) => title === RULE));
  return failed.get(RULE)?.message;
}

describe('a test of the suite', () => {
  it('attaches the store before all else, and at the end closes it, then releases the last thing first', async () => {
    const noted: string[] = [];
    const open: OpenStore = ({ after }) => {
      for (const name of ['client', 'table']) after(() => void noted.push(`release ${name}`));
      return new NotedStore(noted);
    };
    expect(await failureOf(open)).toBeUndefined();
    expect(noted).toEqual(['attach', 'load', 'close', 'release table', 'release client']);
  });

  it('waits for what attach gives', async () => {
    let isReady = false;
    const open = (): AtomicSessionStore => {
      const inner = new MemoryStore();
      return Object.assign(Object.create(inner) as MemoryStore, {
        attach: async (host: StoreHost) => {
          inner.attach(host);
          await new Promise((resolve) => setImmediate(resolve));
          isReady = true;
        },
        load: (id: string) => {
          if (!isReady) throw new Error('asked too early');
          return inner.load(id);
        },
      });
    };
    expect(await failureOf(open)).toBeUndefined();
    expect(isReady).toBe(true);
  });

  it('fails when the store can not be attached or opened', async () => {
    const refusing = { attach: () => Promise.reject(new Error('no table')) };
    expect(await failureOf(() => Object.assign(new MemoryStore(), refusing))).toBe('no table');
    expect(await failureOf(() => Promise.reject(new Error('no server')))).toBe('no server');
    expect(await failureOf(() => ({ get: () => undefined }) as never)).toMatch(
      /takes an object with get, set and destroy/,
    );
  });

  it('fails when the store can not be closed, and releases the rest all the same', async () => {
    const noted: string[] = [];
    const open: OpenStore = ({ after }) => {
      after(() => void noted.push('released'));
      return new NotedStore(noted, 'still busy');
    };
    expect(await failureOf(open)).toBe('still busy');
    expect(noted.at(-1)).toBe('released');
  });

  it('tells what the rule failed with, rather than what closing failed with', async () => {
    const noted: string[] = [];
    const open = (): MemoryStore => Object.assign(new NotedStore(noted, 'still busy'), { destroy: () => undefined });
    expect(await failureOf(open)).toMatch(/^destroy gives the record that was there\n/);
    expect(noted).toContain('close');
  });

  it('has a store, a clock and a key of its own', async () => {
    const contexts: StoreContext[] = [];
    const open: OpenStore = (context) => {
      contexts.push(context);
      return new MemoryStore();
    };
    await failureOf(open);
    await failureOf(open);
    const [first, second] = contexts.map(({ key }) => key);
    expect(contexts).toHaveLength(2);
    expect(first).toMatch(/^t[0-9a-f]{12}$/);
    expect(second).not.toBe(first);
    expect(contexts.map(({ now }) => now())).toEqual([Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1)]);
  });

  it('gives a store that is opened again what the factory was given', async () => {
    const keys: string[] = [];
    const data = new Map<string, MemoryStore>();
    const open: OpenStore = ({ key }) => {
      keys.push(key);
      const store = data.get(key) ?? new MemoryStore();
      data.set(key, store);
      return store;
    };
    const title = 'another store on the same data finds every session as it is';
    const rules = rulesFor(open, { reopen: open }).filter((rule) => rule.title === title);
    expect([...(await failedRules(rules)).keys()]).toEqual([]);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });
});
