import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { MemoryStore } from 'nestjs-token-session';
import { SessionInstrumentation } from 'nestjs-token-session/opentelemetry';
import { FaultyStore } from 'nestjs-token-session/testing';
import { channel } from 'node:diagnostics_channel';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { BOTH_CONTROLLERS, bothKinds } from '../support/named-sessions.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ScriptedApp } from '../support/scripted.js';
import { SimpleMapStore } from '../support/stores.js';
import { everything, expectNothingOf } from './support/requests.js';
import { spanEachRequest, Telemetry, treesOf, type Series } from './support/telemetry.js';

/** A store whose driver is instrumented: it makes a span of its own for what it sends. */
class InstrumentedStore extends SimpleMapStore {
  override async get(sid: string) {
    await Promise.resolve();
    const span = trace.getTracer('driver').startSpan('GET', { kind: SpanKind.CLIENT });
    span.end();
    return super.get(sid);
  }
}

let telemetry: Telemetry;
let instrumentation: SessionInstrumentation;

failOnUnhandledRejections();
beforeEach(() => {
  telemetry = new Telemetry();
  telemetry.register();
  instrumentation = new SessionInstrumentation();
});
afterEach(async () => {
  await closeApps();
  instrumentation.disable();
  await telemetry.shutdown();
});

const write = (session: object): void => {
  Object.assign(session, { written: true });
};
const read = (session: object): object => ({ ...session });
const prepare = spanEachRequest;

function spanOf(name: string): ReadableSpan {
  const [span, ...more] = telemetry.spans.filter((each) => each.name === name);
  if (span === undefined || more.length > 0) throw new Error(`${name}: ${String(telemetry.spans.map((s) => s.name))}`);
  return span;
}

describe.each(PLATFORMS)('OpenTelemetry on %s', (platform) => {
  it.each([
    ['memory', () => new MemoryStore()],
    ['a simple store', () => new SimpleMapStore()],
  ])('law 2: no token, id, user or data is in what is exported: %s', async (_name, build) => {
    const app = await ScriptedApp.start(platform, { store: new FaultyStore(build()) }, { prepare });
    const secrets = await everything(app);
    expectNothingOf(secrets, "OpenTelemetry's exporter", await telemetry.exported());
    expect(telemetry.spans.length).toBeGreaterThan(30);
    expect((await telemetry.series()).length).toBeGreaterThan(15);
  });

  it('spans of stores are children of the span of the request, those of a commit of the commit', async () => {
    const app = await ScriptedApp.start(platform, {}, { prepare });
    const token = (await app.run(write)).issued as string;
    telemetry.forgetSpans();
    await app.run((session) => (session['more'] = true), token);
    expect(treesOf(telemetry.spans)).toEqual([
      { POST: ['session.store.load', { 'session.commit': ['session.store.update'] }] },
    ]);
  });

  it('spans that the driver makes itself are children of the operation', async () => {
    const app = await ScriptedApp.start(platform, { store: new InstrumentedStore() }, { prepare });
    const token = (await app.run(write)).issued as string;
    telemetry.forgetSpans();
    await app.run(read, token);
    expect(treesOf(telemetry.spans)).toEqual([{ POST: [{ 'session.store.load': ['GET'] }] }]);
  });

  it('law 9: a store that is away, and an outcome that nobody knows, are errors by their code', async () => {
    const store = new FaultyStore(new SimpleMapStore());
    const app = await ScriptedApp.start(platform, { store, storeTimeout: 50 }, { prepare });
    const token = (await app.run(write)).issued as string;
    telemetry.forgetSpans();
    store.fail('get', { once: true, error: new Error('the server quotes data') });
    await app.run(read, token);
    const failed = { code: SpanStatusCode.ERROR, message: 'STORE_UNAVAILABLE' };
    expect(spanOf('session.store.load')).toMatchObject({ status: failed, events: [] });
    expect(spanOf('session.store.load').attributes).toEqual({
      'session.store': 'SimpleMapStore',
      'db.operation.name': 'load',
      'error.type': 'STORE_UNAVAILABLE',
    });

    telemetry.forgetSpans();
    store.hang('set');
    await app.run((session) => (session['more'] = true), token);
    const unknown = { code: SpanStatusCode.ERROR, message: 'OUTCOME_UNKNOWN' };
    expect(spanOf('session.store.update')).toMatchObject({ kind: SpanKind.CLIENT, status: unknown });
    expect(spanOf('session.commit')).toMatchObject({ kind: SpanKind.INTERNAL, status: unknown });
    expect(spanOf('session.store.load').status).toEqual({ code: SpanStatusCode.UNSET });
    expect(await telemetry.series()).toEqual(
      expect.arrayContaining([
        {
          metric: 'session.store.operation.duration',
          attributes: {
            'session.store': 'SimpleMapStore',
            'db.operation.name': 'update',
            'error.type': 'OUTCOME_UNKNOWN',
          },
          count: 1,
        },
        { metric: 'session.commit.duration', attributes: { 'error.type': 'OUTCOME_UNKNOWN' }, count: 1 },
        { metric: 'session.events', attributes: { 'session.event': 'store_failed' }, count: 2 },
      ]),
    );
  });

  it('tells several session layers apart by their names', async () => {
    const app = await startApp(platform, { controllers: BOTH_CONTROLLERS, imports: bothKinds(), prepare });
    await call(app.url, '/both/count');
    const layers = (name: string): unknown[] =>
      telemetry.spans
        .filter((span) => span.name === name)
        .map(({ attributes }) => attributes['session.layer'])
        .sort();
    expect([layers('session.commit'), layers('session.store.create')]).toEqual([
      ['admin', undefined],
      ['admin', undefined],
    ]);
    const series = await telemetry.series();
    for (const metric of ['session.store.operation.duration', 'session.commit.duration', 'session.events']) {
      // What hung in the test before may fail only now.
      const isOurs = ({ attributes }: Series): boolean => attributes['session.event'] !== 'store_failed';
      const of = series.filter((one) => one.metric === metric && isOurs(one));
      expect(of.map(({ attributes, count }) => [attributes['session.layer'], count])).toEqual(
        expect.arrayContaining([
          [undefined, 1],
          ['admin', 1],
        ]),
      );
      expect(of).toHaveLength(2);
    }
  });

  it('law 5, law 6: SESSION_CONFLICT and SESSION_ENDED are errors of the commit; the store did what it should', async () => {
    const app = await ScriptedApp.start(platform, {}, { prepare });
    const token = (await app.run(write)).issued as string;
    telemetry.forgetSpans();
    await app.run(async (session, sessions) => {
      await sessions.update(session, async (draft) => {
        const same = await sessions.load<{ faster: number }>(token);
        await sessions.update(same as NonNullable<typeof same>, (other) => (other.faster = (other.faster ?? 0) + 1));
        draft['slower'] = true;
      });
    }, token);
    await app.run(async (session, sessions) => {
      await (await sessions.load(token))?.destroy();
      session['late'] = true;
    }, token);
    const commits = telemetry.spans.filter(({ name }) => name === 'session.commit');
    expect(new Set(commits.map(({ attributes }) => attributes['error.type'] ?? attributes['session.outcome']))).toEqual(
      new Set(['stored', 'SESSION_CONFLICT', 'SESSION_ENDED']),
    );
    const operations = telemetry.spans.filter(({ name }) => name.startsWith('session.store.'));
    expect(operations.filter(({ status }) => status.code !== SpanStatusCode.UNSET)).toEqual([]);
  });
});

describe('SessionInstrumentation', () => {
  const [platform] = PLATFORMS;

  it('counts and measures in the units of the semantic conventions', async () => {
    const app = await ScriptedApp.start(platform);
    const token = (await app.run(write)).issued as string;
    await app.run(read, token);
    await app.run(read, 'A'.repeat(43));
    expect(await telemetry.descriptors()).toEqual({
      'session.store.operation.duration': 's',
      'session.commit.duration': 's',
      'session.events': '{event}',
    });
    const operation = (name: string, outcome: string): object => ({
      metric: 'session.store.operation.duration',
      attributes: { 'session.store': 'MemoryStore', 'db.operation.name': name, 'session.outcome': outcome },
      count: 1,
    });
    expect(await telemetry.series()).toEqual([
      operation('create', 'created'),
      operation('load', 'found'),
      operation('load', 'missing'),
      { metric: 'session.commit.duration', attributes: { 'session.outcome': 'stored' }, count: 1 },
      { metric: 'session.events', attributes: { 'session.event': 'session_created' }, count: 1 },
      { metric: 'session.events', attributes: { 'session.event': 'token_unknown' }, count: 1 },
    ]);
  });

  it('begins no trace of its own, unless it is told to', async () => {
    const app = await ScriptedApp.start(platform);
    await app.sessions.sweep();
    expect(telemetry.spans).toEqual([]);
    instrumentation.setConfig({ requireParentSpan: false });
    await app.sessions.sweep();
    expect(treesOf(telemetry.spans)).toEqual(['session.store.sweep']);
    expect(spanOf('session.store.sweep').kind).toBe(SpanKind.INTERNAL);
  });

  it.each([
    ['RedisStore', 'redis'],
    ['PostgresStore', 'postgresql'],
    ['SqliteStore', 'sqlite'],
    ['ShopStore', undefined],
  ])('names the system of a %s', async (name, system) => {
    instrumentation.setConfig({ requireParentSpan: false });
    const app = await ScriptedApp.start(platform, { store: Object.assign(new SimpleMapStore(), { name }) });
    await app.run(read, 'A'.repeat(43));
    expect(spanOf('session.store.load').attributes).toEqual({
      'session.store': name,
      'db.operation.name': 'load',
      'session.outcome': 'missing',
      ...(system !== undefined && { 'db.system.name': system }),
    });
  });

  it('takes the global providers when they come, and those that it is given before them', async () => {
    await telemetry.shutdown();
    const app = await ScriptedApp.start(platform);
    instrumentation.setConfig({ requireParentSpan: false });
    await app.run(write);

    telemetry = new Telemetry();
    telemetry.register();
    await app.run(write);
    expect(treesOf(telemetry.spans)).toEqual([{ 'session.commit': ['session.store.create'] }]);
    expect(await telemetry.series()).toHaveLength(3);

    const own = new Telemetry();
    instrumentation.setTracerProvider(own.tracerProvider);
    instrumentation.setMeterProvider(own.meterProvider);
    await app.run(write);
    expect(own.spans).toHaveLength(2);
    expect(await own.series()).toHaveLength(3);
    expect(telemetry.spans).toHaveLength(2);
    await own.tracerProvider.shutdown();
    await own.meterProvider.shutdown();
  });

  it('leaves nothing behind when it is disabled, and can be enabled again; twice is once', async () => {
    const names = ['tracing:nestjs-token-session:store:start', 'tracing:nestjs-token-session:store:asyncEnd'];
    const subscribed = (): boolean[] =>
      [...names, 'tracing:nestjs-token-session:commit:end', 'nestjs-token-session:event'].map(
        (name) => channel(name).hasSubscribers,
      );
    expect(subscribed()).toEqual([true, true, true, true]);
    instrumentation.disable();
    expect(subscribed()).toEqual([false, false, false, false]);
    const app = await ScriptedApp.start(platform);
    await app.run(write);
    expect(await telemetry.series()).toEqual([]);
    instrumentation.enable();
    instrumentation.enable();
    await app.run(write);
    expect((await telemetry.series()).map(({ count }) => count)).toEqual([1, 1, 1]);
    instrumentation.disable();
    instrumentation.disable();
    expect(subscribed()).toEqual([false, false, false, false]);
    expect(new SessionInstrumentation({ enabled: false }).getConfig()).toMatchObject({ enabled: false });
    expect(subscribed()).toEqual([false, false, false, false]);
  });

  it('law 12: what an SDK throws harms no request', async () => {
    const broken = (): never => {
      throw new Error('the SDK is broken');
    };
    instrumentation.setConfig({ requireParentSpan: false });
    instrumentation.setTracerProvider({ getTracer: broken });
    instrumentation.setMeterProvider({ getMeter: broken });
    const app = await ScriptedApp.start(platform, { store: new SimpleMapStore() });
    const token = (await app.run(write)).issued as string;
    expect(await app.run(read, token)).toMatchObject({ status: 201, result: { written: true } });
  });

  it.each([
    [{ enabled: 'yes' }, "enabled of SessionInstrumentation: takes true or false; got 'yes'"],
    [{ requireParentSpan: 0 }, 'requireParentSpan of SessionInstrumentation: takes true or false; got 0'],
  ])('refuses %j', (config, message) => {
    expect(() => new SessionInstrumentation(config as object)).toThrow(message);
  });

  it('has the version of the package', () => {
    const file = join(import.meta.dirname, '../../package.json');
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect([instrumentation.instrumentationName, instrumentation.instrumentationVersion]).toEqual([name, version]);
  });
});
