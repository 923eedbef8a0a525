import { MemoryStore, type SessionRecord } from 'nestjs-token-session';
import { FaultyStore } from 'nestjs-token-session/testing';
import { SessionEvents } from '../../lib/session.events.js';
import { StoreAccess } from '../../lib/stores/store-access.js';
import { COMMIT_CHANNEL } from '../../lib/telemetry/channels.js';
import { traced } from '../../lib/telemetry/traced.js';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { SILENT } from '../support/leaks/loggers.js';
import { BOTH_CONTROLLERS, bothKinds } from '../support/named-sessions.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ScriptedApp } from '../support/scripted.js';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';
import { ChannelRecorder, stopRecording } from './support/channel-recorder.js';
import { everything, expectNothingOf } from './support/requests.js';

failOnUnhandledRejections();
afterEach(closeApps);
afterEach(stopRecording);

const write = (session: object): void => {
  Object.assign(session, { written: true });
};
/** As drivers quote what is stored. */
const QUOTED = 'stored-data-that-is-quoted';
const ids = { a: 'a'.repeat(43), b: 'b'.repeat(43) };

function recordOf(version: string): SessionRecord {
  const now = Date.now();
  return { payload: '{}', version, startedAt: now, usedAt: now, idleTimeout: 60_000, absoluteTimeout: 60_000 };
}

function accessTo(store: MemoryStore): StoreAccess {
  return new StoreAccess(store, 1_000, new SessionEvents(SILENT, Date.now), Date.now);
}

describe.each(PLATFORMS)('channels on %s', (platform) => {
  it.each([
    ['a store in memory', () => new MemoryStore()],
    ['a store with promises', () => new SimpleMapStore()],
    ['a store with callbacks', () => new CallbackMapStore()],
  ])('law 2: no token, id, user or data is in any message: %s', async (_name, build) => {
    const app = await ScriptedApp.start(platform, { store: new FaultyStore(build()) });
    const recorder = new ChannelRecorder();
    const secrets = await everything(app);
    expectNothingOf(secrets, 'a diagnostics channel', recorder.told);
    expect(recorder.operations).toEqual(
      expect.arrayContaining([
        'load: found',
        'load: missing',
        'create: created',
        'update: updated',
        'update: conflict',
      ]),
    );
    expect(new Set(recorder.commits)).toEqual(new Set(['stored', 'SESSION_ENDED']));
    expect(recorder.of('event').map(({ type }) => type)).toEqual(expect.arrayContaining(['session_created']));
  });

  it('tells each operation of a request, with the store and what came of it, and the commit around them', async () => {
    const app = await ScriptedApp.start(platform);
    const token = (await app.run(write)).issued as string;
    const recorder = new ChannelRecorder();
    await app.run((session) => (session['more'] = true), token);
    expect(recorder.told).toEqual([
      { phase: 'store:start', message: { operation: 'load', store: 'MemoryStore' } },
      { phase: 'store:end', message: { operation: 'load', store: 'MemoryStore', outcome: 'found' } },
      { phase: 'commit:start', message: {} },
      { phase: 'store:start', message: { operation: 'update', store: 'MemoryStore' } },
      { phase: 'store:end', message: { operation: 'update', store: 'MemoryStore', outcome: 'updated' } },
      { phase: 'commit:end', message: { outcome: 'stored' } },
    ]);
  });

  it('law 3: a request without a session, and one that changes nothing, tell of no commit', async () => {
    const app = await ScriptedApp.start(platform);
    const token = (await app.run(write)).issued as string;
    const recorder = new ChannelRecorder();
    await app.run(() => 'nothing');
    expect(recorder.told).toEqual([]);
    await app.run((session) => ({ ...session }), token);
    expect(recorder.operations).toEqual(['load: found']);
    expect(recorder.commits).toEqual([]);
  });

  it('law 5: a conflict is an operation more within one commit', async () => {
    const app = await ScriptedApp.start(platform);
    const token = (await app.run(write)).issued as string;
    const recorder = new ChannelRecorder();
    await app.run(async (session, sessions) => {
      const same = await sessions.load<{ faster: boolean }>(token);
      Object.assign(same as object, { faster: true });
      await same?.save();
      session['slower'] = true;
    }, token);
    const phases = recorder.told.map(({ phase, message }) => `${phase} ${message['outcome'] ?? ''}`.trim());
    expect(phases.slice(-9)).toEqual([
      ...['commit:start', 'store:start', 'store:end conflict', 'event', 'store:start', 'store:end updated'],
      ...['commit:end', 'commit:asyncStart stored', 'commit:asyncEnd stored'],
    ]);
    expect(await app.dataOf(token)).toEqual({ written: true, faster: true, slower: true });
  });

  it('law 9: faults have the code that the client gets, at the operation and at the commit', async () => {
    const store = new FaultyStore();
    const app = await ScriptedApp.start(platform, { store, storeTimeout: 50 });
    const token = (await app.run(write)).issued as string;
    const recorder = new ChannelRecorder();
    store.fail('load', { error: new Error(`GET ${QUOTED} failed`) });
    expect(await app.run((session) => ({ ...session }), token)).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    store.recover();
    store.hang('update');
    expect(await app.run((session) => (session['more'] = true), token)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(recorder.operations).toEqual(['load: STORE_UNAVAILABLE', 'load: found', 'update: OUTCOME_UNKNOWN']);
    expect(recorder.commits).toEqual(['OUTCOME_UNKNOWN']);
    expect(recorder.of('store:error').map(({ errorType }) => errorType)).toEqual([
      'STORE_UNAVAILABLE',
      'OUTCOME_UNKNOWN',
    ]);
    expect(recorder.of('event')).toEqual([
      { type: 'store_failed' },
      { type: 'store_recovered' },
      { type: 'store_failed' },
    ]);
    expectNothingOf([QUOTED], 'a diagnostics channel', recorder.told);
  });

  it('law 5: SESSION_CONFLICT is what came of the commit', async () => {
    const store = new FaultyStore();
    const app = await ScriptedApp.start(platform, { store });
    const token = (await app.run(write)).issued as string;
    const recorder = new ChannelRecorder();
    const answer = await app.run(async (session, sessions) => {
      await sessions.update(session, async (draft) => {
        const same = await sessions.load<{ faster: number }>(token);
        await sessions.update(same as NonNullable<typeof same>, (other) => (other.faster = (other.faster ?? 0) + 1));
        draft['slower'] = true;
      });
    }, token);
    expect(answer).toMatchObject({ status: 503, code: 'SESSION_CONFLICT' });
    expect(recorder.commits.at(-1)).toBe('SESSION_CONFLICT');
    expect(new Set(recorder.commits.slice(0, -1))).toEqual(new Set(['stored']));
  });
});

describe.each(PLATFORMS)('channels of several session layers on %s', (platform) => {
  it('tell the name of the layer, where it has one', async () => {
    const { url } = await startApp(platform, { controllers: BOTH_CONTROLLERS, imports: bothKinds() });
    const recorder = new ChannelRecorder();
    await call(url, '/shop/count');
    const layersOf = (phase: string): unknown[] => recorder.of(phase).map((message) => message['layer']);
    const phases = ['store:start', 'commit:start', 'event'];
    expect(phases.map(layersOf)).toEqual([[undefined], [undefined], [undefined]]);
    expect(recorder.told.filter(({ message }) => 'layer' in message)).toEqual([]);
    await call(url, '/admin/count');
    expect(phases.map((phase) => layersOf(phase).at(-1))).toEqual(['admin', 'admin', 'admin']);
  });
});

describe('an operation of a store', () => {
  const told = async (act: (access: StoreAccess) => unknown): Promise<string[]> => {
    const access = accessTo(new MemoryStore());
    await access.create(ids.a, recordOf('1'));
    const recorder = new ChannelRecorder();
    await act(access);
    return recorder.operations;
  };
  const terms = { evict: false, max: 1 } as never;

  it.each<[string, (access: StoreAccess) => unknown]>([
    ['create: exists', (access) => access.create(ids.a, recordOf('2'))],
    ['create: created', (access) => access.create(ids.b, recordOf('2'))],
    ['update: updated', (access) => access.update(ids.a, recordOf('2'), '1')],
    ['update: conflict', (access) => access.update(ids.a, recordOf('2'), '0')],
    ['update: missing', (access) => access.update(ids.b, recordOf('2'), '1')],
    ['touch: touched', (access) => access.touch(ids.a, recordOf('1'))],
    ['touch: missing', (access) => access.touch(ids.b, recordOf('1'))],
    ['destroy: destroyed', (access) => access.destroy(ids.a)],
    ['destroy: destroyed', (access) => access.destroy(ids.a, '1')],
    ['destroy: conflict', (access) => access.destroy(ids.a, '0')],
    ['destroy: missing', (access) => access.destroy(ids.b)],
    ['users.add: added', (access) => access.users?.add('u', ids.a, 1_000, terms)],
    ['users.settle: missing', (access) => access.users?.settle('u', ids.a, 1_000)],
    ['users.list: done', (access) => access.users?.list('u')],
    ['users.revoke: done', (access) => access.users?.revoke('u', { only: ids.a })],
    ['users.remove: done', (access) => access.users?.remove('u', [ids.a])],
    ['sweep: done', (access) => access.sweep()],
    ['count: done', (access) => access.count()],
    ['clear: done', (access) => access.clear()],
  ])('tells what came of it: %s', async (expected, act) => {
    expect(await told(act)).toEqual([expected]);
  });

  it('that is answered at once is answered at once with subscribers too, and tells all before', () => {
    const access = accessTo(new MemoryStore());
    expect(access.load(ids.a)).toBeUndefined();
    const recorder = new ChannelRecorder();
    expect(access.load(ids.a)).toBeUndefined();
    expect(recorder.operations).toEqual(['load: missing']);
  });

  it('gives one and the same answer, and throws the same, with subscribers and without', async () => {
    const store = new FaultyStore();
    const access = accessTo(store);
    const outcomes = async (): Promise<unknown[]> => {
      store.recover();
      const found = [await access.create(ids.a, recordOf('1')), (await access.load(ids.a)) !== undefined];
      await access.destroy(ids.a);
      store.fail();
      const fault = await Promise.resolve(access.load(ids.a)).catch((error: unknown) => error);
      return [...found, (fault as { code: unknown }).code];
    };
    const without = await outcomes();
    const recorder = new ChannelRecorder();
    expect(await outcomes()).toEqual(without);
    expect(recorder.operations).toHaveLength(4);
  });

  it('law 9: a store that throws at once has failed', () => {
    const broken = Object.assign(new MemoryStore(), {
      load: (): never => {
        throw new Error(QUOTED);
      },
    });
    const recorder = new ChannelRecorder();
    expect(() => accessTo(broken).load(ids.a)).toThrow(/unavailable/);
    expect(recorder.operations).toEqual(['load: STORE_UNAVAILABLE']);
    expect(recorder.of('store:error')).toHaveLength(1);
  });

  it('law 2: of errors that are not ours the class is told, and no code: that may be anything', async () => {
    const recorder = new ChannelRecorder();
    const run = (): Promise<never> => Promise.reject(Object.assign(new RangeError(QUOTED), { code: QUOTED }));
    await expect(traced(COMMIT_CHANNEL, {}, run, () => 'stored')).rejects.toThrow(QUOTED);
    expect(recorder.commits).toEqual(['RangeError']);
  });

  it('law 12: what a store gives that fails when it is looked at harms nobody but the message', () => {
    const odd = {
      get payload(): never {
        throw new TypeError('look away');
      },
    };
    const store = Object.assign(new MemoryStore(), { destroy: () => odd });
    const recorder = new ChannelRecorder();
    expect(accessTo(store as never).destroy(ids.a, '1')).toBe(odd);
    expect(recorder.operations).toEqual(['destroy: TypeError']);
  });

  it.each([
    ['its class', new MemoryStore(), 'MemoryStore'],
    [
      'the name that it gives itself',
      Object.assign(new MemoryStore(), { name: 'sessions of the shop' }),
      'sessions of the shop',
    ],
    ['unnamed, where it has none', { ...plain(new MemoryStore()) }, 'unnamed'],
  ])('names its store: by %s', async (_name, store, name) => {
    const recorder = new ChannelRecorder();
    await accessTo(store as MemoryStore).load(ids.a);
    expect(recorder.of('store:start')).toEqual([{ operation: 'load', store: name }]);
  });
});

/** A store that is no instance of a class. */
function plain(inner: MemoryStore): Pick<MemoryStore, 'load'> {
  return { load: (id) => inner.load(id) };
}
