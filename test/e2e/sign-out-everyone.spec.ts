import {
  MemoryStore,
  type AtomicSessionStore,
  type SessionOptions,
  type SessionRecord,
  type StoreCallback,
  type StoredSession,
} from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { info, login, refusalOf, ScriptedApp } from '../support/scripted.js';
import { CallbackMapStore, ProbedStore, SimpleMapStore } from '../support/stores.js';

class ClearingSimpleStore extends SimpleMapStore {
  clear(): Promise<void> {
    this.sessions.clear();
    return Promise.resolve();
  }

  /** A `length` would count what the index keeps under keys of its own. */
  all(): Promise<Record<string, StoredSession>> {
    return Promise.resolve(allOf(this.sessions));
  }
}

class ClearingCallbackStore extends CallbackMapStore {
  clear(callback: StoreCallback): void {
    this.sessions.clear();
    setImmediate(callback, null);
  }

  all(callback: StoreCallback<Record<string, StoredSession>>): void {
    setImmediate(callback, null, allOf(this.sessions));
  }
}

function allOf(sessions: ReadonlyMap<string, string>): Record<string, StoredSession> {
  return Object.fromEntries([...sessions].map(([sid, text]) => [sid, JSON.parse(text) as StoredSession]));
}

/** A strong store that notes how many calls are under way at most. */
class GaugedStore extends ProbedStore {
  peak = 0;
  private underWay = 0;

  override load(id: string): Promise<SessionRecord | undefined> {
    return this.gauged(super.load(id));
  }

  override destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    return this.gauged(super.destroy(id, version));
  }

  private gauged<T>(call: Promise<T>): Promise<T> {
    this.peak = Math.max(this.peak, ++this.underWay);
    return call.finally(() => this.underWay--);
  }
}

const MANY = 100_000;
/** Ids of sessions that nobody has a token of. */
const IDS = Array.from({ length: MANY - 1 }, (_, index) => `${String(index)}.`.padEnd(43, 'x'));

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(PLATFORMS)('clear on %s', (platform) => {
  describe.each<[string, () => NonNullable<SessionOptions['store']>]>([
    ['memory', () => new MemoryStore()],
    ['a simple store', () => new ClearingSimpleStore()],
    ['a callback store', () => new ClearingCallbackStore()],
  ])('with %s', (_name, build) => {
    let app: ScriptedApp;

    beforeEach(async () => {
      app = await ScriptedApp.start(platform, { store: build(), maxPerUser: 2, onMaxPerUser: 'reject' });
    });

    it('ASVS 7.4.5: ends the sessions of everybody, who can sign in anew', async () => {
      const visitor = (await app.run((session) => void (session['cart'] = 1))).issued as string;
      const tokens = [visitor, await app.signIn('ada'), await app.signIn('ada'), await app.signIn('bob')];
      await app.sessions.clear();
      expect(await app.opening(...tokens)).toEqual([false, false, false, false]);
      for (const token of tokens) expect((await app.run(info, token)).result).toMatchObject({ isNew: true, level: 0 });
      expect([await app.sessions.list('ada'), await app.sessions.list('bob')]).toEqual([[], []]);
      expect(await app.sessions.count()).toBe(0);
      expect(await app.opening(await app.signIn('ada'), await app.signIn('ada'))).toEqual([true, true]);
    });

    it('count tells how many sessions there are, not how much is kept to know whose they are', async () => {
      await app.signIn('ada');
      await app.signIn('ada');
      await app.signIn('bob');
      expect(await app.sessions.count()).toBe(3);
      await app.sessions.destroyAll('ada');
      expect(await app.sessions.count()).toBe(1);
    });
  });

  it('ASVS 7.4.3: a session in the place of { except } is refused, and nothing ends', async () => {
    const app = await ScriptedApp.start(platform);
    const token = await app.signIn('ada');
    const { result } = await app.run(
      (session, sessions) => refusalOf(sessions.destroyAll('ada', session as { except?: string })),
      token,
    );
    expect(result).toMatchObject({ code: 'NOT_SUPPORTED', message: expect.stringContaining('{ except: session }') });
    expect(await app.opening(token)).toEqual([true]);
  });

  it('says so where the store can not do it, and ends nothing', async () => {
    const app = await ScriptedApp.start(platform, { store: new SimpleMapStore() });
    const token = await app.signIn();
    expect(await refusalOf(app.sessions.clear())).toMatchObject({ code: 'NOT_SUPPORTED' });
    expect(await app.opening(token)).toEqual([true]);
  });
});

describe('sign-out everywhere', () => {
  it('ASVS 7.4.5, law 6: clear ends a login too that is on its way', async () => {
    const store = new ProbedStore();
    const app = await ScriptedApp.start('express', { store });
    const storing = new Barrier();
    store.before = (operation) => (operation === 'create' ? storing.pass() : undefined);
    const answering = app.run(login('ada'));
    await storing.arrived;
    await app.sessions.clear();
    storing.open();
    const answer = await answering;
    expect([answer.status, answer.code, answer.issued]).toEqual([401, 'SESSION_ENDED', undefined]);
    expect([store.count(), await app.sessions.list('ada')]).toEqual([0, []]);
  });

  it('law 9: one that failed in the middle can be repeated, and ends what was left', async () => {
    const store = new ProbedStore();
    const app = await ScriptedApp.start('express', { store });
    const tokens = await Promise.all([app.signIn(), app.signIn(), app.signIn(), app.signIn('bob')]);
    let destroyed = 0;
    store.before = (operation) => {
      if (operation === 'destroy' && ++destroyed === 2) throw new Error('connection lost');
    };
    expect(await refusalOf(app.sessions.destroyAll('ada'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    store.before = undefined;
    await app.sessions.destroyAll('ada');
    expect(await app.opening(...tokens)).toEqual([false, false, false, true]);
  });

  it('law 9: destroyById that failed can be repeated', async () => {
    const store = new ProbedStore();
    const app = await ScriptedApp.start('express', { store });
    const token = await app.signIn();
    const { id } = (await app.run(info, token)).result as { id: string };
    store.before = (operation) => {
      if (operation === 'destroy') throw new Error('connection lost');
    };
    expect(await refusalOf(app.sessions.destroyById('ada', id))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    store.before = undefined;
    expect(await app.sessions.destroyById('ada', id)).toBe(true);
    expect(await app.opening(token)).toEqual([false]);
  });
});

describe('a user with 100,000 sessions (ASVS 7.4.3)', () => {
  /** As if each of the others had signed in. */
  async function seed(store: AtomicSessionStore, id: string): Promise<void> {
    const record = (await store.load(id)) as SessionRecord;
    for (const other of IDS) {
      await store.create(other, record);
      await store.users?.add('ada', other, 3_600_000, {});
      await store.users?.settle('ada', other, 3_600_000);
    }
  }

  it('is listed and ended with few store calls at a time, in the memory store', async () => {
    const inner = new MemoryStore();
    const store = new GaugedStore(inner);
    const app = await ScriptedApp.start('express', { store });
    const token = await app.signIn();
    const { id } = (await app.run(info, token)).result as { id: string };
    await seed(inner, id);
    store.calls.length = 0;

    const listed = await app.sessions.list('ada');
    expect(listed).toHaveLength(MANY);
    expect(new Set(listed.map((session) => session.id)).size).toBe(MANY);
    expect(store.calls.length).toBeLessThanOrEqual(MANY + 1);
    expect(store.peak).toBeLessThanOrEqual(100);

    store.calls.length = store.peak = 0;
    expect(await app.sessions.destroyAll('ada', { except: id })).toBe(MANY - 1);
    expect(store.calls.length).toBeLessThanOrEqual(MANY + 2);
    expect(store.peak).toBeLessThanOrEqual(100);
    expect([await app.sessions.count(), await app.opening(token)]).toEqual([1, [true]]);
    expect(await app.sessions.destroyAll('ada')).toBe(1);
    expect(await app.sessions.count()).toBe(0);
  });

  it('signs in and out in a simple store too, whose index is one record', async () => {
    const store = new SimpleMapStore();
    const app = await ScriptedApp.start('express', { store });
    const { id } = (await app.run(info, await app.signIn())).result as { id: string };
    const [index] = [...store.sessions.keys()].filter((sid) => sid !== id) as [string];
    const stored = store.sessions.get(index) as string;
    const [entry, rest] = /\["[\w-]{43}",(\{[^}]*\})\]/.exec(stored) as unknown as [string, string];
    const others = [...IDS, ...IDS.slice(0, 40_000).map((other) => other.replaceAll('x', 'y'))];
    store.sessions.set(index, stored.replace(entry, [id, ...others].map((sid) => `["${sid}",${rest}]`).join()));

    const token = await app.signIn();
    expect(await app.sessions.destroyById('ada', id)).toBe(true);
    expect(await app.opening(token)).toEqual([true]);
    await app.run((session) => session.destroy(), token);
    expect(await app.opening(token)).toEqual([false]);
  });
});
