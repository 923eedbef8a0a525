import { Controller, Post, Sse, type MessageEvent } from '@nestjs/common';
import {
  MemoryStore,
  RequireSession,
  Session,
  SessionService,
  type AtomicSessionStore,
  type SessionEnd,
} from 'nestjs-token-session';
import { get, type ClientRequest } from 'node:http';
import { concat, map, NEVER, of, takeUntil, tap, type Observable } from 'rxjs';
import type { SessionEngine } from '../../lib/session.engine.js';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { until } from '../support/redis/until.js';
import { ProbedStore } from '../support/stores.js';

type DataSession = Session<{ views: number }>;

@Controller()
class StreamController {
  constructor(private readonly sessions: SessionService) {}

  @Post('begin') begin(@Session() sess: DataSession): void {
    sess.views = 1;
  }

  /** As an application has it: what it sends goes on until the session ends. */
  @Sse('stream')
  @RequireSession()
  stream(@Session() sess: DataSession): Observable<MessageEvent> {
    return concat(of({ data: 'first' }), NEVER).pipe(takeUntil(this.sessions.ended$(sess)));
  }

  /** Says why, too. */
  @Sse('why')
  why(@Session() sess: DataSession): Observable<MessageEvent> {
    const ended = this.sessions.ended$(sess);
    return concat(of({ data: 'first' }), ended.pipe(map((data) => ({ data }))));
  }

  @Post('logout') logout(@Session() sess: DataSession): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('renew') async renew(@Session() sess: DataSession): Promise<void> {
    await this.sessions.regenerate(sess);
  }

  @Post('own-renewal') async ownRenewal(@Session() sess: DataSession): Promise<SessionEnd[]> {
    const told: SessionEnd[] = [];
    await this.sessions.regenerate(sess, { keep: ['views'] });
    this.sessions
      .ended$(sess)
      .pipe(tap((why) => told.push(why)))
      .subscribe();
    return told;
  }

  @Post('over') async over(@Session() sess: DataSession): Promise<unknown[]> {
    const told: unknown[] = [];
    await this.sessions.destroy(sess);
    this.sessions.ended$(sess).subscribe({ next: (why) => told.push(why), complete: () => told.push('complete') });
    return told;
  }
}

/** A stream of server-sent events: what came, and its end. */
class Stream {
  readonly begun: Promise<void>;
  readonly ended: Promise<string>;
  private readonly request: ClientRequest;

  constructor(url: string, path: string, token: string | undefined) {
    let begin!: () => void;
    this.begun = new Promise((resolve) => (begin = resolve));
    const headers = { 'X-Auth-Token': String(token) };
    this.request = get(new URL(path, url), { headers, agent: false });
    this.ended = new Promise((resolve, reject) => {
      this.request.on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes('first')) begin();
        });
        response.on('end', () => {
          resolve(text);
        });
        // Whoever left does not wait for it.
        response.on('error', () => undefined);
      });
      this.request.on('error', reject);
    });
    this.ended.catch(() => undefined);
  }

  leave(): void {
    this.request.destroy();
  }
}

const STORES: Record<string, () => [AtomicSessionStore, AtomicSessionStore]> = {
  'a store that tells of ends': () => {
    const store = new MemoryStore();
    return [store, store];
  },
  'a store that does not': () => {
    const inner = new MemoryStore();
    return [new ProbedStore(inner), new ProbedStore(inner)];
  },
};

describe.each(PLATFORMS)('server-sent events that end with their session, on %s', (platform) => {
  afterEach(closeApps);

  describe.each(Object.entries(STORES))('with %s', (_name, build) => {
    let clock: TestClock;
    let here: RunningApp;
    let there: RunningApp;
    let token: string | undefined;

    beforeEach(async () => {
      clock = new TestClock();
      const [first, second] = build();
      const start = (store: AtomicSessionStore): Promise<RunningApp> =>
        startApp(platform, { controllers: [StreamController], session: { store, clock: clock.now } });
      [here, there] = [await start(first), await start(second)];
      ({ token } = await call(here.url, '/begin', { method: 'POST' }));
    });

    it('law 6: when it is destroyed by another process', async () => {
      const stream = new Stream(here.url, '/stream', token);
      await stream.begun;
      expect((await call(there.url, '/logout', { method: 'POST', token })).status).toBe(201);
      expect(await stream.ended).toMatch(/^id: 1\ndata: first/m);
    });

    it('when it is destroyed by this one', async () => {
      const stream = new Stream(here.url, '/stream', token);
      await stream.begun;
      await call(here.url, '/logout', { method: 'POST', token });
      await stream.ended;
    });

    it.each([
      ['ended', () => call(there.url, '/logout', { method: 'POST', token })],
      ['renewed', () => call(there.url, '/renew', { method: 'POST', token })],
    ] as const)('and is told why: %s', async (why, end) => {
      const stream = new Stream(here.url, '/why', token);
      await stream.begun;
      await end();
      expect(await stream.ended).toContain(`data: ${why}`);
    });

    it('law 8: and is told that it has expired, as the stream itself is no use of it', async () => {
      const stream = new Stream(here.url, '/why', token);
      await stream.begun;
      // The first look has been, so that the end is known.
      await new Promise<void>((resolve) => {
        here.get(SessionService)['engine'].watch('N'.repeat(43), () => {
          resolve();
        });
      });
      clock.advance('30m');
      expect(await stream.ended).toContain('data: expired');
    });
  });

  it('a renewal by the request itself is no end: the session goes on', async () => {
    const { url } = await startApp(platform, { controllers: [StreamController] });
    const { token } = await call(url, '/begin', { method: 'POST' });
    expect((await call(url, '/own-renewal', { method: 'POST', token })).json()).toEqual([]);
  });

  it('L86: a client that leaves ends the watching', async () => {
    const running = await startApp(platform, { controllers: [StreamController] });
    const { token } = await call(running.url, '/begin', { method: 'POST' });
    const { engine } = running.get(SessionService) as unknown as { engine: SessionEngine };
    const { watched } = engine['watching'] as unknown as { watched: ReadonlyMap<string, unknown> };
    const [gone, stays] = [new Stream(running.url, '/stream', token), new Stream(running.url, '/stream', token)];
    await Promise.all([gone.begun, stays.begun]);
    gone.leave();
    await call(running.url, '/logout', { method: 'POST', token });
    await stays.ended;
    await until('nothing that is watched', () => watched.size === 0);
    const { token: next } = await call(running.url, '/begin', { method: 'POST' });
    const last = new Stream(running.url, '/stream', next);
    await last.begun;
    expect(watched.size).toBe(1);
    last.leave();
    await until('nothing that is watched', () => watched.size === 0);
  });

  it('a session that is over already ends at once; one that is not stored never does', async () => {
    const { url } = await startApp(platform, { controllers: [StreamController] });
    const { token } = await call(url, '/begin', { method: 'POST' });
    expect((await call(url, '/over', { method: 'POST', token })).json()).toEqual(['ended', 'complete']);
  });
});
