import { Test } from '@nestjs/testing';
import { TerminusModule } from '@nestjs/terminus';
import { getSessionServiceToken, MemoryStore, SessionModule, SessionService } from 'nestjs-token-session';
import { SessionHealthIndicator } from 'nestjs-token-session/terminus';
import { FaultyStore } from 'nestjs-token-session/testing';
import { closeApps, SILENT } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';
import { HealthApp, statusOf } from './support/health-app.js';

failOnUnhandledRejections();
afterEach(closeApps);

const UP = [200, { status: 'up' }];
const DOWN = [503, { status: 'down', code: 'STORE_UNAVAILABLE', message: 'The session store is unavailable.' }];
const late = (ms: number): unknown => [
  503,
  { status: 'down', code: 'STORE_UNAVAILABLE', message: `The session store gave no answer within ${String(ms)} ms.` },
];

describe.each(PLATFORMS)('the health check of sessions on %s', (platform) => {
  it.each([
    ['memory', () => new MemoryStore(), 'load'],
    ['simple store', () => new SimpleMapStore(), 'get'],
    ['callback store', () => new CallbackMapStore(), 'get'],
  ])('law 9: asks one harmless question, and is down while the store is: %s', async (_name, build, question) => {
    const store = new FaultyStore<MemoryStore | SimpleMapStore | CallbackMapStore>(build());
    const app = await HealthApp.start(platform, { store });
    const events = app.collect();
    expect(statusOf(await app.ready())).toEqual(UP);
    expect([store.calls, events]).toEqual([[question], []]);

    store.fail(new Error('password=hunter2 refused at 10.0.0.7'));
    expect(statusOf(await app.ready())).toEqual(DOWN);
    expect((await app.ask('ready')).text).not.toContain('hunter2');
    expect((await app.ask('live')).status).toBe(200);

    store.recover();
    expect(statusOf(await app.ready())).toEqual(UP);
    expect(events.map(({ type }) => type)).toEqual(['store_failed', 'store_failed', 'store_recovered']);
  });

  it('F68: a store that hangs is down in bounded time, by the earlier of timeout and storeTimeout', async () => {
    const store = new FaultyStore();
    const app = await HealthApp.start(platform, { store, storeTimeout: 100 });
    store.hang();
    expect(statusOf(await app.ready({ timeout: 1 }))).toEqual(late(1));
    expect(statusOf(await app.ready({ timeout: '1m' }))).toEqual(DOWN);
    store.recover();
    expect(statusOf(await app.ready())).toEqual(UP);
  });
});

describe('SessionHealthIndicator', () => {
  const [platform] = PLATFORMS;

  it('F69: checks that come while one waits share its question; the next one asks anew', async () => {
    const store = new FaultyStore();
    const app = await HealthApp.start(platform, { store, storeTimeout: '1m' });
    const held = store.hold('load');
    const many = Array.from({ length: 50 }, () => app.indicator.pingCheck('sessions', { timeout: '1m' }));
    await held.arrived;
    // Those that did not wait for it leave it to the others.
    const hasty = Array.from({ length: 50 }, () => app.indicator.pingCheck('sessions', { timeout: 1 }));
    expect(new Set((await Promise.all(hasty)).map(({ sessions }) => sessions.status))).toEqual(new Set(['down']));
    expect(store.calls).toEqual(['load']);
    held.release();
    expect(new Set((await Promise.all(many)).map(({ sessions }) => sessions.status))).toEqual(new Set(['up']));
    expect(await app.indicator.pingCheck('sessions')).toMatchObject({ sessions: { status: 'up' } });
    expect(store.calls).toEqual(['load', 'load']);
  });

  it('each time asks for another id, which is of no session', async () => {
    const store = new MemoryStore();
    const asked: string[] = [];
    const load = store.load.bind(store);
    store.load = (id) => {
      asked.push(id);
      return load(id);
    };
    const app = await HealthApp.start(platform, { store });
    for (let count = 0; count < 3; count++) await app.ready();
    expect(new Set(asked).size).toBe(3);
    expect(asked.filter((id) => !/^[\w-]{43}$/.test(id))).toEqual([]);
    expect(store.count()).toBe(0);
  });

  it('asks the store of the sessions that it is given', async () => {
    const [store, others] = [new FaultyStore(), new FaultyStore()];
    const app = await HealthApp.start(platform, { store });
    const other = await HealthApp.start(platform, { store: others });
    others.fail();
    const sessions = other.running.get(SessionService);
    expect(statusOf(await app.ready({ sessions }))).toEqual(DOWN);
    expect(statusOf(await app.ready())).toEqual(UP);
    expect([store.calls, others.calls]).toEqual([['load'], ['load']]);
  });

  it('without sessions in the application says so', async () => {
    const testing = await Test.createTestingModule({
      imports: [TerminusModule.forRoot({ logger: false })],
      providers: [SessionHealthIndicator],
    }).compile();
    await expect(testing.get(SessionHealthIndicator).pingCheck('sessions')).rejects.toThrow(
      /no default sessions.*SessionModule\.forRoot\(\).*{ sessions: .*@InjectSessionService\(/,
    );
    await testing.close();
  });

  it('asks the store of named sessions that it is given; where there are no others it says that it has to be', async () => {
    const admin = new FaultyStore();
    const testing = await Test.createTestingModule({
      imports: [
        SessionModule.forRoot(admin, { name: 'admin', logger: SILENT }),
        TerminusModule.forRoot({ logger: false }),
      ],
      providers: [SessionHealthIndicator],
    }).compile();
    const indicator = testing.get(SessionHealthIndicator);
    const sessions = testing.get<SessionService>(getSessionServiceToken('admin'), { strict: false });
    expect(await indicator.pingCheck('admins', { sessions })).toMatchObject({ admins: { status: 'up' } });
    admin.fail();
    expect(await indicator.pingCheck('admins', { sessions })).toMatchObject({ admins: { status: 'down' } });
    expect(admin.calls).toEqual(['load', 'load']);
    await expect(indicator.pingCheck('sessions')).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('no default sessions') as string,
    });
    await testing.close();
  });

  it.each([
    [
      { timeout: 0 },
      "timeout of pingCheck: takes a whole number of ms of at least 1, or text such as '30m', '12h', '90d'; got 0",
    ],
    [{ timeout: 'soon' }, "got 'soon'"],
    [{ timeout: '25d' }, "timeout of pingCheck: takes at most a day; got '25d'"],
    [{ sessions: null }, 'sessions of pingCheck: takes a SessionService; got null'],
    [{ sessions: {} }, 'sessions of pingCheck: takes a SessionService; got an object'],
  ])('refuses %j', async (options, message) => {
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ logger: SILENT }), TerminusModule.forRoot({ logger: false })],
      providers: [SessionHealthIndicator],
    }).compile();
    const check = testing.get(SessionHealthIndicator).pingCheck('sessions', options as object);
    await expect(check).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    });
    await testing.close();
  });
});
