import { Controller, Get } from '@nestjs/common';
import { MemoryStore, Session, SessionService, type StoredSession } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { MemoryRecords } from '../support/memory-records.js';
import { ProbedStore, SimpleMapStore } from '../support/stores.js';

let slow: Barrier;

@Controller()
class ViewsController {
  @Get('views')
  views(@Session() sess: Session<{ views: number }>): { views: number } {
    sess.views = (sess.views ?? 0) + 1;
    return { views: sess.views };
  }

  @Get('read')
  read(@Session() sess: Session<{ views: number }>): object {
    return { ...sess };
  }

  @Get('slow')
  async slow(@Session() sess: Session<{ views: number }>): Promise<string> {
    sess.views = 99;
    await slow.pass();
    return 'done';
  }

  @Get('other')
  other(): string {
    return 'needs no session';
  }
}

/** What stands in a custom store in place of a session; the store gives it back as it is. */
const GARBAGE: Record<string, unknown> = {
  '42': 42,
  'true': true, // prettier-ignore
  text: 'not a session',
  'empty text': '',
  '[]': [],
  '{}': {},
  'random bytes': Buffer.from('\u0000\ufffd\u0007\u009b'),
  'data without metadata': { views: 1, userId: 'ann' },
  'metadata that is null': { views: 1, 'nestjs-token-session': null },
  'metadata without times': { 'nestjs-token-session': { version: '1', payload: '1\n{}' } },
  'times that are text': {
    'nestjs-token-session': {
      ...{
        version: '1',
        payload: '1\n{}',
        startedAt: 'now',
        usedAt: '2026',
        idleTimeout: '30m',
        absoluteTimeout: null,
      },
    },
  },
};

/** What stands in place of a payload in a strong store. */
const BROKEN_PAYLOADS: Record<string, string> = {
  'truncated JSON': '1\n{"views":',
  null: '1\nnull',
  '42': '1\n42',
  '[]': '1\n[]',
  'text in JSON': '1\n"views"',
  'no data': '1\n',
  'nothing at all': '',
  'random bytes': '\u0000\ufffd\u0007',
  'no format': '{"views":1}',
  'format 0': '0\n{"views":1}',
  'unknown marks': '1{"signed":true}\n{"views":1}',
  'a format without end': '99999999999999999999\n{"views":1}',
};

/** Tokens of ended sessions are nobody's business: whoever sends one of a broken session is anonymous. */
async function expectNewStart(url: string, token: string | undefined): Promise<void> {
  const first = await call(url, '/read', { token });
  expect([first.status, first.text]).toEqual([200, '{}']);
  const next = await call(url, '/views', { token });
  expect([next.status, next.text]).toEqual([200, '{"views":1}']);
  expect(next.token).toMatch(/^[\w-]{43}$/);
  expect(next.token).not.toBe(token);
  expect((await call(url, '/views', { token: next.token })).json()).toEqual({ views: 2 });
}

class GarbageStore extends SimpleMapStore {
  garbage: unknown;
  readonly destroyed: string[] = [];

  override get(sid: string): Promise<StoredSession | undefined> {
    if (this.garbage === undefined || this.destroyed.includes(sid)) return super.get(sid);
    return Promise.resolve(this.sessions.has(sid) ? (this.garbage as StoredSession) : undefined);
  }

  override destroy(sid: string): Promise<void> {
    this.destroyed.push(sid);
    return super.destroy(sid);
  }
}

describe.each(PLATFORMS)('stored garbage on %s', (platform) => {
  beforeEach(() => (slow = new Barrier()));
  afterEach(closeApps);

  describe.each(Object.keys(BROKEN_PAYLOADS))('S52: in the memory store: %s', (name) => {
    it('is a new start and one event, not an error for ever', async () => {
      const store = new MemoryStore();
      const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
      const { token } = await call(running.url, '/views');
      spoil(store, BROKEN_PAYLOADS[name] as string);
      const events = collectEvents(running);

      await expectNewStart(running.url, token);
      const corrupt = events.filter(({ type }) => type === 'record_corrupt');
      expect(corrupt).toEqual([{ type: 'record_corrupt', id: expect.any(String), reason: expect.any(String) }]);
    });
  });

  describe.each(Object.keys(GARBAGE))('S52: from a simple store: %s', (name) => {
    it('is a new start and one event, not an error for ever', async () => {
      const store = new GarbageStore();
      const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
      const { token } = await call(running.url, '/views');
      const events = collectEvents(running);

      store.garbage = GARBAGE[name];
      expect((await call(running.url, '/other', { token })).status).toBe(200);
      store.garbage = undefined;
      await expectNewStart(running.url, token);
      expect(events.filter(({ type }) => type === 'record_corrupt')).toHaveLength(1);
    });

    it('that appears while a request runs is no success and no crash', async () => {
      const store = new GarbageStore();
      const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
      const { token } = await call(running.url, '/views');
      const writing = call(running.url, '/slow', { token });
      await slow.arrived;
      store.garbage = GARBAGE[name];
      slow.open();
      const answer = await writing;
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'SESSION_ENDED' });
    });
  });

  it('law 9: the request that finds a broken record may read, but not write, and gets no token', async () => {
    const store = new MemoryStore();
    const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
    const { token } = await call(running.url, '/views');
    spoil(store, '1\n{"views":');
    const answer = await call(running.url, '/views', { token });
    expect(answer.status).toBe(401);
    expect(answer.token).toBeUndefined();
  });

  it.each(['2\n{"views":7}', '2{"zipped":true}\nxyz', '17\n', '999999\n{"views":7}'])(
    'S52: a record of a newer format is kept and answered with 503: %j',
    async (payload) => {
      const store = new MemoryStore();
      const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
      const events = collectEvents(running);
      const { token } = await call(running.url, '/views');
      const [id] = spoil(store, payload);

      for (const path of ['/read', '/views']) {
        const answer = await call(running.url, path, { token });
        expect(answer.status).toBe(503);
        expect(answer.json()).toMatchObject({ code: 'FORMAT_UNKNOWN' });
        expect(answer.token).toBeUndefined();
      }
      expect((await call(running.url, '/other', { token })).status).toBe(200);
      expect(store.load(id as string)?.payload).toBe(payload);
      expect(events.map(({ type }) => type)).toContain('format_unknown');
      await expect(running.get(SessionService).load(token as string)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' });
    },
  );

  it.each(['truncated', '1\n{"views":'])(
    'S52: for load() a broken record is none: told, and removed: %j',
    async (payload) => {
      const store = new MemoryStore();
      const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
      const { token } = await call(running.url, '/views');
      const [id] = spoil(store, payload);
      const events = collectEvents(running);

      expect(await running.get(SessionService).load(token as string)).toBeUndefined();
      await new Promise(setImmediate);
      expect(events).toEqual([{ type: 'record_corrupt', id, reason: expect.any(String) }]);
      expect(store.load(id as string)).toBeUndefined();
    },
  );

  it('S52: a rollback and a roll forward again leave the session as it was', async () => {
    const store = new SimpleMapStore();
    const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
    const { token } = await call(running.url, '/views');
    const [[id, text]] = [...store.sessions] as [[string, string]];
    const newer = text.replace('"version"', '"payload":"2\\n{}","version"');
    store.sessions.set(id, newer);
    expect((await call(running.url, '/views', { token })).status).toBe(503);
    expect(store.sessions.get(id)).toBe(newer);
    store.sessions.set(id, text);
    expect((await call(running.url, '/views', { token })).json()).toEqual({ views: 2 });
  });

  it('law 9: a store that fails to remove a broken record harms no request', async () => {
    const inner = new MemoryStore();
    const store = new ProbedStore(inner);
    const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
    const { token } = await call(running.url, '/views');
    spoil(inner, 'garbage');
    store.before = (operation) => {
      if (operation === 'destroy') throw new Error('down');
    };
    for (let n = 0; n < 2; n++) expect((await call(running.url, '/read', { token })).status).toBe(200);
    store.before = undefined;
    expect((await call(running.url, '/read', { token })).status).toBe(200);
    await expectNewStart(running.url, token);
  });

  it('law 11: a reserved name in stored data shadows nothing and is told', async () => {
    const store = new MemoryStore();
    const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
    const { token } = await call(running.url, '/views');
    spoil(store, '1\n{"id":"forged","save":1,"__proto__":{"admin":true},"views":1}');
    const events = collectEvents(running);
    expect((await call(running.url, '/read', { token })).json()).toEqual({ views: 1 });
    expect(
      events.filter(({ type }) => type === 'data_refused').map((event) => 'reason' in event && event.reason),
    ).toEqual([
      expect.stringContaining('"id"'),
      expect.stringContaining('"save"'),
      expect.stringContaining('"__proto__"'),
    ]);
  });

  it.each(['{"views": 1}', '{"views":1,"n":-0}', '{"views":1,"n":1e999}', '{"id":"x","views":1}'])(
    'law 3: reading what another program wrote writes nothing and fails nothing: %s',
    async (text) => {
      const store = new ProbedStore();
      const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
      const { token } = await call(running.url, '/views');
      spoil(store.inner as MemoryStore, `1\n${text}`);
      store.calls.length = 0;
      expect((await call(running.url, '/read', { token })).status).toBe(200);
      expect(store.calls).toEqual(['load']);
    },
  );
});

/** Puts a payload in the place of every stored one; the ids. */
function spoil(store: MemoryStore, payload: string): string[] {
  const records = new MemoryRecords(store);
  return records.entries().map(([id, record]) => {
    records.set(id, { ...record, payload });
    return id;
  });
}
