import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { jest } from '@jest/globals';
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { MemoryStore as ExpressMemoryStore, type SessionData, type Store } from 'express-session';
import {
  bearer,
  cookie,
  header,
  Session,
  SESSION_STORE,
  SessionService,
  type AtomicSessionStore,
  type SessionOptions,
} from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { collectEvents } from '../../support/events.js';
import { Browser, closePeers, SECRET, startMoved, startPeer, type Shop } from '../../support/express-move.js';
import { closeStores, EXPRESS_STORES } from '../../support/express-stores.js';
import { PLATFORMS } from '../../support/platforms.js';
import { until } from '../../support/redis/until.js';

const publicIdOf = (id: string): string => createHash('sha256').update(id).digest('base64url');

/** All that can be seen of a value by looking at it. */
const everything = (value: unknown, depth = Infinity): string =>
  inspect(value, { depth, maxArrayLength: null, maxStringLength: null });

/** The real one, whose faults tell of ids as those of stores on files do. */
class TalkativeStore extends ExpressMemoryStore {
  failing = false;

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    if (this.failing) callback(Object.assign(new Error(`EACCES: open '/sessions/${sid}.json'`), { path: sid }));
    else super.get(sid, callback);
  }
}

const seen: string[] = [];

@Controller()
class LookController {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(SESSION_STORE) private readonly store: object,
  ) {}

  /** Looks at all there is while the id is still on its way out. */
  @Post('look')
  async look(@Session() sess: Session<Shop>, @Req() request: object, @Res({ passthrough: true }) response: object) {
    sess['views'] = 1;
    await sess.save();
    seen.push(everything(sess), JSON.stringify(sess), everything(this.sessions), everything(this.store));
    seen.push(everything(request, 8), everything(response, 8));
    return { id: sess.id, info: this.sessions.info(sess).id };
  }
}

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
  await closePeers();
  closeStores();
});

describe.each(PLATFORMS)('raw ids on %s', (platform) => {
  it('law 2: no raw id in events, logs, errors, lists, session.id, inspect, though it is the key in the store', async () => {
    const output: string[] = [];
    const record = (chunk: unknown): boolean => output.push(everything(chunk)) > 0;
    jest.spyOn(process.stdout, 'write').mockImplementation(record);
    jest.spyOn(process.stderr, 'write').mockImplementation(record);
    const store = new TalkativeStore();
    const peer = await startPeer(store);
    const moved = await startMoved(store, { platform, session: { logger: { warn: record, error: record } } });
    const looking = await startApp(platform, {
      controllers: [LookController],
      session: {
        store: expressStore(store, { rawIds: true }),
        transport: cookie({ name: 'connect.sid', secret: SECRET, secure: false }),
        logger: { warn: record, error: record },
      },
      prepare: (app) =>
        app.useGlobalFilters({
          catch: (error: unknown, host) => {
            output.push(everything(error), (error as Error).stack ?? '');
            app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 503);
          },
        }),
    });
    const events = [collectEvents(moved), collectEvents(looking)];
    const service = moved.get(SessionService);
    const browser = new Browser();
    const ids: string[] = [];
    const texts: string[] = [];
    const ask = async (url: string, path: string, body?: unknown): Promise<unknown> => {
      const { text } = await browser.ask(url, path, body);
      texts.push(text);
      if (browser.rawId !== undefined) ids.push(browser.rawId);
      return text === '' || text === 'failed' ? text : JSON.parse(text);
    };

    const looked = await ask(looking.url, '/look', {});
    expect(looked).toEqual({ id: publicIdOf(ids[0] as string), info: publicIdOf(ids[0] as string) });
    await ask(peer, '/login', { id: 'ada' });
    await ask(moved.url, '/set', { cart: 1 });
    const list = await service.list('ada');
    expect(list.map(({ id }) => id)).toEqual([publicIdOf(browser.rawId as string)]);
    await ask(moved.url, '/login', { id: 'bob' });
    store.failing = true;
    await ask(looking.url, '/look', {});
    store.failing = false;
    expect(await service.destroyAll('bob')).toBe(1);
    await ask(moved.url, '/data');
    // Left behind by the login: a tombstone.
    browser.cookie = undefined;
    await ask(moved.url, '/set', { cart: 2 });
    await ask(moved.url, '/logout', {});

    expect(new Set(ids).size).toBeGreaterThanOrEqual(4);
    const types = events.flat().map(({ type }) => type);
    expect(types).toEqual(
      expect.arrayContaining([
        'session_created',
        'session_renewed',
        'session_destroyed',
        'token_unknown',
        'store_failed',
      ]),
    );
    const all = [...seen, ...output, ...texts, everything(events), everything(list)].join('\n');
    expect(all).toContain('EACCES');
    for (const id of new Set(ids)) {
      expect([id, all.split(id).slice(0, -1)]).toEqual([id, []]);
      if (events.flat().some((event) => 'id' in event)) expect(all).toContain(publicIdOf(ids[0] as string));
    }
  });

  it('law 7: list, destroyById and destroyAll take public ids, also that of a session whose token was replaced', async () => {
    const store = new ExpressMemoryStore();
    const moved = await startMoved(store, { platform });
    const service = moved.get(SessionService);
    const browsers = [new Browser(), new Browser(), new Browser()] as const;
    for (const browser of browsers) await browser.ask(moved.url, '/login', { id: 'ada' });
    const [first, second, third] = browsers;
    const ids = await Promise.all(browsers.map(async (browser) => (await browser.ask(moved.url, '/id')).json()));
    const [one, two, three] = ids.map((answer) => (answer as { id: string }).id) as [string, string, string];
    expect((await service.list('ada')).map(({ id }) => id).sort()).toEqual([one, two, three].sort());
    expect(await service.destroyById('ada', 'unknown')).toBe(false);
    expect(await service.destroyById('bob', one)).toBe(false);
    const session = await service.load(second.rawId as string);
    await service.reauthenticate(session as Session);
    expect(await service.destroyById('ada', two)).toBe(true);
    expect(await service.destroyAll('ada', { except: three })).toBe(1);
    expect([await first.user(moved.url), await third.user(moved.url)]).toEqual([null, 'ada']);
    const last = await service.load(third.rawId as string);
    expect(await service.destroyAll('ada', { except: last as Session })).toBe(0);
    expect(await third.user(moved.url)).toBe('ada');
  });
});

describe('rawIds', () => {
  const start = (session: SessionOptions): Promise<unknown> => startApp('express', { controllers: [], session });
  const shared = (): AtomicSessionStore => expressStore(new ExpressMemoryStore(), { rawIds: true });
  const signed = cookie({ name: 'connect.sid', secret: SECRET });

  it.each<[string, () => SessionOptions, RegExp]>([
    ['a header', () => ({ store: shared() }), /transport: with rawIds takes cookies that are signed.*got header/],
    ['a bearer token beside', () => ({ store: shared(), transport: [signed, bearer()] }), /got bearer without/],
    ['an unsigned cookie', () => ({ store: shared(), transport: cookie() }), /got cookie without a signature/],
    ['a header to accept only', () => ({ store: shared(), transport: { accept: [signed, header()] } }), /got header/],
    [
      'a codec that is not JSON',
      () => ({ store: shared(), transport: signed, codec: { encode: () => 'x', decode: () => ({}) } }),
      /codec: with rawIds takes one that writes plain JSON/,
    ],
  ])('fails at boot: %s', async (_what, options, text) => {
    await expect(start(options())).rejects.toThrow(text);
  });

  it.each<[string, unknown, object, RegExp]>([
    ['a class', ExpressMemoryStore, {}, /got the function or class MemoryStore; make a store of it first/],
    ['no store', undefined, {}, /got undefined/],
    ['an object', {}, {}, /got an object without these methods/],
    ['a client of Redis', { get: it, set: it, destroy: it, expire: it }, {}, /got a client of Redis/],
    ['a store of this package', shared(), {}, /got a store of this package/],
    ['a misspelt option', new ExpressMemoryStore(), { rawId: true }, /rawId: takes rawIds and cookie only/],
    ['rawIds as text', new ExpressMemoryStore(), { rawIds: 'yes' }, /rawIds: takes true or false; got yes/],
    ['a cookie without rawIds', new ExpressMemoryStore(), { cookie: {} }, /cookie: takes effect with rawIds/],
    ['a lifetime of the cookie', new ExpressMemoryStore(), { rawIds: true, cookie: { maxAge: 1 } }, /idleTimeout/],
    ["secure: 'yes'", new ExpressMemoryStore(), { rawIds: true, cookie: { secure: 'yes' } }, /cookie\.secure: takes/],
  ])('expressStore refuses %s by name', (_what, store, options, text) => {
    expect(() => expressStore(store as Store, options)).toThrow(text);
  });

  it('H19, S57: a signed value that is no id reaches no store; ids of the usual generators do', async () => {
    const { store } = EXPRESS_STORES['session-file-store']();
    const asked: string[] = [];
    const { get } = store;
    store.get = (sid, callback) => {
      asked.push(sid);
      get.call(store, sid, callback);
    };
    const shared = expressStore(store, { rawIds: true });
    const hostile = [
      '../../etc/passwd',
      '*',
      'sess:*',
      '{tag}',
      "' OR 1=1--",
      '',
      ' ',
      'a\0',
      '.',
      '..',
      'a'.repeat(257),
    ];
    for (const id of [...hostile, '!user-x', 'ü', 'a\n', '.hidden', 'a/../b', 'a\\b', '%2e']) {
      expect([id, shared.tokens?.isToken(id), await shared.load(id)]).toEqual([id, false, undefined]);
    }
    expect(asked).toEqual([]);
    const usual = ['A_-z'.repeat(8), '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d', 'user:1~a.b', 'q+/8=='];
    for (const id of usual) expect([id, shared.tokens?.isToken(id)]).toEqual([id, true]);
  });

  it('S52: what is no session is discarded, and told; express-session goes on beside it', async () => {
    const store = new ExpressMemoryStore();
    const moved = await startMoved(store);
    const events = collectEvents(moved);
    const browser = new Browser();
    await browser.ask(moved.url, '/set', { a: 1 });
    const id = browser.rawId as string;
    (store as unknown as { sessions: Record<string, string> }).sessions[id] = '[1]';
    expect(await browser.data(moved.url)).toEqual({});
    expect(events).toContainEqual(expect.objectContaining({ type: 'record_corrupt', id: publicIdOf(id) }));
    const { sessions } = store as unknown as { sessions: object };
    await until('the record is removed', () => !(id in sessions));
  });

  it('laws 5 and 6: one notice at boot names them, and what the store has not', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
    const store = new ExpressMemoryStore();
    Object.assign(store, { touch: undefined, clear: undefined });
    const moved = await startMoved(store, { session: { logger } });
    await call(moved.url, '/data');
    expect(lines).toEqual([
      expect.stringMatching(/^store_notice reason="MemoryStore is shared.*law 5.*law 6.*Without touch.*Without clear/),
    ]);
  });
});
