import { Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { Session, SessionModule, SessionService } from 'nestjs-token-session';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { AnswersController, takeOver, type AnyResponse } from '../support/answers.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Views = Session<{ views: number; nested: { deep: number } }>;
interface MaybeSession {
  session?: { views?: number };
}

/** What handlers saw, for the test to look at. */
let seen: Record<string, unknown>;
let log: string[];
let kept: { session: Views; request: { session?: Views } };

function codeOf(run: () => unknown): unknown {
  try {
    run();
    return 'no error';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'fulfilled',
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

@Controller()
class HeldController {
  @Get('reads') reads(@Req() request: MaybeSession, @Res() response: AnyResponse) {
    if (request.session !== undefined) request.session.views = 1;
    const raw = takeOver(response);
    seen = { sentBefore: raw.headersSent, chains: raw.writeHead(201, { 'X-App': 'yes' }) === raw };
    raw.write('body');
    raw.statusCode = 500;
    Object.assign(seen, {
      sentAfter: raw.headersSent,
      endedAfterWrite: raw.writableEnded,
      setHeader: codeOf(() => raw.setHeader('X-Late', '1')),
      setHeaders: codeOf(() => raw.setHeaders(new Map([['X-Late', '1']]))),
      appendHeader: codeOf(() => raw.appendHeader('X-Late', '1')),
      removeHeader: codeOf(() => {
        raw.removeHeader('X-App');
      }),
      writeHead: codeOf(() => raw.writeHead(500)),
      flushHeaders: codeOf(() => {
        raw.flushHeaders();
      }),
      endChains: raw.end() === raw,
      endedAfterEnd: raw.writableEnded,
      setHeaderAfterEnd: codeOf(() => raw.setHeader('X-Late', '1')),
    });
  }

  @Get('callbacks') callbacks(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 1;
    const raw = takeOver(response);
    const going = raw.write('a', () => log.push('written'));
    raw.on('finish', () => log.push('finish'));
    raw.end('b', () => log.push('ended'));
    log.push(`handler done, write gave ${going}`);
  }

  @Get('drain') async drain(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 1;
    const raw = takeOver(response);
    for (const part of ['one ', 'two ', 'three ']) {
      if (!raw.write(part)) await new Promise<void>((resolve) => raw.once('drain', resolve));
    }
    raw.end('end');
  }

  @Get('endless-source') source(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 1;
    const raw = takeOver(response);
    let made = 0;
    const source = Readable.from(
      (function* () {
        for (; made < 500; made++) yield 'x'.repeat(1_000);
      })(),
      { highWaterMark: 4 },
    );
    seen = { made: () => made };
    source.pipe(raw);
  }

  @Get('hints') hints(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 1;
    const raw = takeOver(response);
    raw.write('late');
    raw.writeProcessing();
    raw.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    raw.end();
  }

  @Get('seed') seed(@Session() session: Views, @Res() response: AnyResponse) {
    takeOver(response).end(`views ${session.views ?? 0}`);
    session.views = (session.views ?? 0) + 1;
  }

  @Get('too-late') async tooLate(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 1;
    const raw: ServerResponse = takeOver(response);
    raw.write('begun');
    session.views = 2;
    await turn();
    seen = {
      assign: codeOf(() => (session.views = 3)),
      delete: codeOf(() => delete session.views),
      define: codeOf(() => Object.assign(session, { views: 4 })),
    };
    raw.end();
  }

  @Get('keep') keep(@Session() session: Views, @Req() request: { session?: Views }) {
    session.views = 1;
    kept = { session, request };
    return 'kept';
  }

  @Get('keep-request') keepRequest(@Req() request: { session?: Views }) {
    kept = { request } as typeof kept;
    return 'kept';
  }

  @Post('login') login(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 7;
    response.redirect('/views');
  }

  @Get('views') views(@Session() session: Views, @Query('expect') _expect?: string) {
    return { views: session.views };
  }

  @Get('broken') broken(@Session() session: Views, @Res() response: AnyResponse) {
    session.views = 1;
    takeOver(response).end(123 as unknown as string);
  }
}

describe.each(PLATFORMS)('an answer on %s', (platform) => {
  let store: ProbedStore;
  let running: RunningApp;
  const controllers = [HeldController, AnswersController];

  beforeAll(async () => {
    store = new ProbedStore();
    running = await startApp(platform, { controllers, session: { store } });
  });
  afterAll(closeApps);
  beforeEach(() => {
    store.before = undefined;
    seen = {};
    log = [];
  });

  function holdCreate(): Barrier {
    const barrier = new Barrier();
    store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
    return barrier;
  }

  it('held: reads as after the real call, and what it says is fixed', async () => {
    const bare = await startApp(platform, { controllers, imports: [] });
    await call(bare.url, '/reads');
    const expected = seen;
    await bare.close();

    const barrier = holdCreate();
    const answering = call(running.url, '/reads');
    await barrier.arrived;
    expect(seen).toEqual(expected);
    expect(seen).toMatchObject({ sentAfter: true, endedAfterEnd: true, setHeader: 'ERR_HTTP_HEADERS_SENT' });
    barrier.open();
    const answer = await answering;
    expect([answer.status, answer.headers['x-app'], answer.headers['x-late'], answer.text]).toEqual([
      201,
      'yes',
      undefined,
      'body',
    ]);
  });

  it('held: write gives false, and callbacks come after the store has confirmed', async () => {
    const barrier = holdCreate();
    const answering = call(running.url, '/callbacks');
    await barrier.arrived;
    await call(running.url, '/answers/plain');
    expect(log).toEqual(['handler done, write gave false']);
    barrier.open();
    expect((await answering).text).toBe('ab');
    expect(log).toEqual(['handler done, write gave false', 'written', 'finish', 'ended']);
  });

  it('held: drain follows, so that a source that waits for it goes on', async () => {
    expect((await call(running.url, '/drain')).text).toBe('one two three end');
  });

  it('L82: a piped source waits while the answer is held, and nothing of it is missing', async () => {
    const barrier = holdCreate();
    const answering = call(running.url, '/endless-source');
    await barrier.arrived;
    for (let round = 0; round < 3; round++) await call(running.url, '/answers/plain');
    const { made } = seen as { made: () => number };
    expect(made()).toBeLessThan(20);
    barrier.open();
    const { text } = await answering;
    expect([text.length, text.replaceAll('x', '')]).toEqual([500_000, '']);
  });

  it('held: informational answers (1xx) pass', async () => {
    const barrier = holdCreate();
    const informed: number[] = [];
    const answer = await new Promise<{ status: number | undefined; early: number[] }>((resolve, reject) => {
      const sent = httpRequest(new URL('/hints', running.url), { agent: false }, (response) => {
        response.resume().on('end', () => {
          resolve({ status: response.statusCode, early: informed });
        });
      });
      // The final answer can only follow once these have come: the barrier opens after the second.
      sent.on('information', ({ statusCode }) => {
        if (informed.push(statusCode) === 2) barrier.open();
      });
      sent.on('error', reject).end();
    });
    expect(answer).toEqual({ status: 200, early: [102, 103] });
  });

  it("the seed's own example: what is assigned in the same breath as res.end() is stored", async () => {
    const first = await call(running.url, '/seed');
    const second = await call(running.url, '/seed', { token: first.token });
    expect([first.text, second.text]).toEqual(['views 0', 'views 1']);
    expect(await running.get(SessionService).load(first.token ?? '')).toMatchObject({ views: 2 });
  });

  it('law 4: an assignment once the answer has begun is an error, not a lost change', async () => {
    const { token } = await call(running.url, '/too-late');
    expect(seen).toEqual({ assign: 'ALREADY_ANSWERED', delete: 'ALREADY_ANSWERED', define: 'ALREADY_ANSWERED' });
    expect(await running.get(SessionService).load(token ?? '')).toMatchObject({ views: 2 });
  });

  it('D44: a session used after its request ended is an error', async () => {
    const { token } = await call(running.url, '/keep');
    const { session } = kept;
    expect(session.views).toBe(1);
    expect(codeOf(() => (session.views = 2))).toBe('ALREADY_ANSWERED');
    const service = running.get(SessionService);
    const late = {
      save: await outcome(session.save()),
      reload: await outcome(session.reload()),
      touch: await outcome(session.touch()),
      regenerate: await outcome(session.regenerate()),
      update: await outcome(service.update(session, (draft) => (draft.views = 9))),
      destroy: await outcome(session.destroy()),
    };
    expect(new Set(Object.values(late))).toEqual(new Set(['ALREADY_ANSWERED']));
    expect(await service.load(token ?? '')).toMatchObject({ views: 1 });
  });

  it('D44: a session first used after its request ended is an error too', async () => {
    const { token } = await call(running.url, '/keep');
    await call(running.url, '/keep-request', { token });
    const session = kept.request.session as Views;
    const service = running.get(SessionService);
    expect(codeOf(() => (session.views = 2))).toBe('ALREADY_ANSWERED');
    expect({
      update: await outcome(service.update(session, (draft) => (draft.views = 9))),
      regenerate: await outcome(session.regenerate()),
      destroy: await outcome(session.destroy()),
    }).toEqual({ update: 'ALREADY_ANSWERED', regenerate: 'ALREADY_ANSWERED', destroy: 'ALREADY_ANSWERED' });
    expect(await service.load(token ?? '')).toMatchObject({ views: 1 });
  });

  it('L88: who follows a redirect at once finds the session that was changed before it', async () => {
    const barrier = holdCreate();
    let told = false;
    const redirecting = call(running.url, '/login', { method: 'POST' }).then((answer) => {
      told = true;
      return answer;
    });
    await barrier.arrived;
    await call(running.url, '/answers/plain');
    expect(told).toBe(false);
    barrier.open();
    const redirect = await redirecting;
    expect(redirect.headers['location']).toBe('/views');
    expect((await call(running.url, '/views', { token: redirect.token })).json()).toEqual({ views: 7 });
  });

  it('L81: what Node refuses to send is an error of the handler: 500, and the process goes on', async () => {
    const answer = await call(running.url, '/broken');
    expect(answer.status).toBe(500);
    expect((await call(running.url, '/answers/plain')).text).toBe('plain');
  });
});

describe('an answer on express', () => {
  afterEach(closeApps);

  it('a fresh client (If-None-Match) still gets 304, with the token of the session that was changed', async () => {
    const controllers = [AnswersController];
    const { url } = await startApp('express', {
      controllers,
      imports: [SessionModule.forRoot({ logger: SILENT })],
    });
    const { headers } = await call(url, '/answers/object');
    const fresh = await call(url, '/answers/object', { headers: { 'If-None-Match': headers['etag'] as string } });
    expect([fresh.status, fresh.text, fresh.headers['etag']]).toEqual([304, '', headers['etag']]);
    expect(fresh.token).toMatch(/^[\w-]{43}$/);
  });
});
