import { MemoryStore, SessionModule, SessionService, type SessionEvent } from 'nestjs-token-session';
import { keyvStore, type KeyvClient } from 'nestjs-token-session/keyv';
import { Test } from '@nestjs/testing';
import { Keyv as Keyv6 } from 'keyv-6';
import { atomicStoreOf } from '../../../lib/stores/atomic-store-of.js';
import { isRecord } from '../../../lib/session.record.js';
import { Backend, MuteBackend, VERSIONS } from './backends.js';

const [ID, OTHER] = ['a'.repeat(43), 'b'.repeat(43)] as [string, string];
const MINUTE = 60_000;

/** Namespaces that some version or other strips, or does not, in its own way. */
const NAMESPACES = [undefined, '', 'app', 'my:app', 'sessions'];

describe.each(VERSIONS)('a cache of $version that others use too', ({ version, open }) => {
  describe.each(NAMESPACES)('with the namespace %p', (namespace) => {
    const withNamespace = namespace === undefined ? {} : { namespace };

    it.each([
      ['in memory', () => new Map<string, unknown>()],
      ['on a backend', () => new Backend()],
    ])('clear() removes the sessions and nothing else, %s', async (_name, make) => {
      const keyv = open(make(), withNamespace);
      const store = keyvStore(keyv);
      await keyv.set('user:1', { name: 'Ada' });
      await keyv.set(`thumbnail:${ID}`, 'of the cache');
      await keyv.set(OTHER, 'of the cache');
      await store.set(ID, { views: 1 }, MINUTE);
      await store.set(OTHER, { views: 2 }, MINUTE);
      expect(await store.all?.()).toEqual({ [ID]: { views: 1 }, [OTHER]: { views: 2 } });
      await store.clear?.();
      expect(await store.all?.()).toEqual({});
      expect([await store.get(ID), await store.get(OTHER)]).toEqual([undefined, undefined]);
      expect(await valueOf(keyv, 'user:1')).toEqual({ name: 'Ada' });
      expect(await valueOf(keyv, `thumbnail:${ID}`)).toBe('of the cache');
      expect(await valueOf(keyv, OTHER)).toBe('of the cache');
    });
  });

  it('two prefixes are two stores', async () => {
    const keyv = open(new Map());
    const [one, two] = [keyvStore(keyv, { prefix: 'one:' }), keyvStore(keyv, { prefix: 'two:' })];
    await one.set(ID, { views: 1 }, MINUTE);
    expect(await two.get(ID)).toBeUndefined();
    await two.clear?.();
    expect(Object.keys((await one.all?.()) ?? {})).toEqual([ID]);
  });

  it('two namespaces in one map are two stores, or it is said that they can not be told apart', async () => {
    const map = new Map<string, unknown>();
    const [app, app2] = ['app', 'app2'].map((namespace) => keyvStore(open(map, { namespace })));
    await app2?.set(ID, { views: 1 }, MINUTE);
    expect(await app?.get(ID)).toBeUndefined();
    // In Keyv 5 the namespace of the iterator is the one that was set on the map last.
    if (version === 'keyv 5') await expect(app?.clear?.()).rejects.toThrow('does not go through its entries');
    else expect(await app?.clear?.()).toBeUndefined();
    expect(await app2?.get(ID)).toEqual({ views: 1 });
  });

  it('does not say that it cleared what it could not go through', async () => {
    const store = keyvStore(open(new MuteBackend()));
    expect('all' in store || 'clear' in store).toBe(false);
    const other = keyvStore(open(new ForgetfulBackend()));
    await expect(other.clear?.()).rejects.toThrow('does not go through its entries');
  });

  it('S52: what another program left under a key is no session, and is replaced', async () => {
    const keyv = open(new Map());
    const store = atomicStoreOf(keyvStore(keyv), 1_000);
    for (const foreign of ['{"trunca', '42', '[]', '', 42, { views: 1 }]) {
      await keyv.set(`session:${ID}`, foreign);
      expect(isRecord(await store.load(ID))).toBe(false);
      await store.destroy(ID);
      expect(await store.load(ID)).toBeUndefined();
    }
  });

  it('law 11: data that Keyv has a meaning for comes out as it went in', async () => {
    const backend = new Backend();
    const store = keyvStore(open(backend));
    const session = {
      colon: ':starts with a colon',
      buffer: ':base64:AAAA',
      [':key']: '::',
      json: { toJSON: 1, value: [null, { expires: 1 }] },
      odd: '\u0000 \ud800',
      deep: JSON.parse('[{"a":'.repeat(2_000) + '1' + '}]'.repeat(2_000)) as unknown,
      ...(JSON.parse('{"nested": {"__proto__": {"a": 1}}}') as object),
    };
    await store.set(ID, session, MINUTE);
    expect(JSON.stringify(await store.get(ID))).toBe(JSON.stringify(session));
  });

  it('C48: gives Keyv whole milliseconds', async () => {
    const keyv = open(new Map());
    await keyvStore(keyv).set(ID, {}, 1_000.5);
    const { expires } = (await keyv.getRaw(`session:${ID}`)) as { expires: number };
    expect(Number.isInteger(expires)).toBe(true);
    expect(expires - Date.now()).toBeLessThanOrEqual(1_001);
  });
});

/** Goes through none of its entries. */
class ForgetfulBackend extends Backend {
  override async *iterator(): AsyncGenerator<[string, unknown]> {
    return;
  }
}

describe('keys that Keyv 6 changes', () => {
  it('are used, but not gone through', async () => {
    const store = keyvStore(new Keyv6({ sanitize: { keys: true } }));
    const id = `${'a'.repeat(20)}--${'b'.repeat(21)}`;
    await store.set(id, { views: 1 }, MINUTE);
    expect(await store.get(id)).toEqual({ views: 1 });
    expect(store.clear).toBeUndefined();
  });
});

describe('law 12: at boot', () => {
  it('a notice says what a cache does to sessions', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error: () => undefined };
    const keyv = VERSIONS[0]?.open() as KeyvClient;
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot(keyvStore(keyv), { logger })],
    }).compile();
    const events: SessionEvent[] = [];
    testing.get(SessionService).events$.subscribe((event) => events.push(event));
    await testing.init();
    expect(lines.join('\n')).toMatch(/kept in a cache \(Keyv\).*signed out.*noeviction/s);
    expect(lines.join('\n')).toContain('KeyvStore writes unconditionally');
    await testing.close();
  });
});

describe('what is no Keyv is refused by name', () => {
  const keyv = VERSIONS[0]?.open() as KeyvClient;
  const cache = (stores: unknown[]): unknown => ({ get: noop, set: noop, del: noop, wrap: noop, mget: noop, stores });
  function noop(): void {
    // Only its name counts.
  }

  it.each<[unknown, RegExp]>([
    [cache([keyv]), /got a cache of cache-manager \(CACHE_MANAGER\): give the Keyv inside it, cache\.stores\[0\]/],
    [cache([keyv, keyv]), /with 2 stores: give the one that all processes share, cache\.stores\[1\]/],
    [Promise.resolve(keyv), /a promise \(await it first\)/],
    ['redis://localhost', /text \(make a Keyv from that address\)/],
    [Keyv6, /Keyv \(give an instance of Keyv\)/],
    [[keyv], /a list \(give the one Keyv/],
    [new Map(), /a map, or an adapter of Keyv: new Keyv\(\{ store \}\)/],
    [new Backend(), /a map, or an adapter of Keyv: new Keyv\(\{ store \}\)/],
    [new MemoryStore(), /an object of another kind/],
    [undefined, /got undefined/],
    [null, /got null/],
  ])('%p', (given, message) => {
    expect(() => keyvStore(given as KeyvClient)).toThrow(message);
    expect(() => keyvStore(given as KeyvClient)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('a prefix that Keyv 5 takes for its namespace: keys of the cache would be those of sessions', () => {
    const [five, six] = VERSIONS.map(({ open }) => open(new Map(), { namespace: 'session' }));
    expect(() => keyvStore(five as KeyvClient)).toThrow(/prefix 'session:' begins like the namespace of this Keyv/);
    expect(() => keyvStore(five as KeyvClient, { prefix: 'token:' })).not.toThrow();
    expect(() => keyvStore(six as KeyvClient)).not.toThrow();
  });

  it.each<[object, RegExp]>([
    [{ prefix: '' }, /prefix takes text that is not empty; got ''/],
    [{ prefix: 1 }, /got 1/],
    [{ prefix: '\ud800' }, /prefix takes text/],
    [{ ttl: 5 }, /has no option ttl; it has prefix/],
  ])('options %p', (options, message) => {
    expect(() => keyvStore(keyv, options)).toThrow(message);
  });
});

async function valueOf(keyv: KeyvClient, key: string): Promise<unknown> {
  return ((await keyv.getRaw(key)) as { value?: unknown } | undefined)?.value;
}
