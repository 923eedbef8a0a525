import { Controller, Get } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Session, SessionService } from 'nestjs-token-session';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { MarkingFilter } from '../support/answers.js';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import type { RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Views = Session<{ views: number }>;

@Controller()
class CountController {
  constructor(private readonly sessions: SessionService) {}

  @Get('count') async count(@Session() session: Views) {
    await this.sessions.update(session, (draft) => (draft.views = (draft.views ?? 0) + 1));
    return { views: session.views };
  }

  @Get('new') create(@Session() session: Views) {
    session.views = 1;
    return { views: 1 };
  }
}

interface StreamAnswer {
  readonly headers: IncomingHttpHeaders & { ':status'?: number | undefined };
  readonly text: string;
}

describe('L91: HTTP/2 on fastify', () => {
  let store: ProbedStore;
  let filter: MarkingFilter;
  let running: RunningApp;
  let client: ClientHttp2Session;

  beforeEach(async () => {
    store = new ProbedStore();
    filter = new MarkingFilter('fastify');
    running = await startApp('fastify', {
      controllers: [CountController],
      session: { store },
      adapter: new FastifyAdapter({ http2: true } as never),
      prepare: (app) => app.useGlobalFilters(filter),
    });
    client = connect(running.url);
  });
  afterEach(async () => {
    client.destroy();
    await closeApps();
  });

  function get(path: string, token?: string): Promise<StreamAnswer> {
    return new Promise((resolve, reject) => {
      const stream = client.request({ ':path': path, ...(token === undefined ? {} : { 'x-auth-token': token }) });
      let headers: StreamAnswer['headers'] = {};
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (given) => (headers = given));
      stream.on('data', (chunk: string) => (text += chunk));
      stream.on('error', reject);
      stream.on('end', () => {
        resolve({ headers, text });
      });
      stream.end();
    });
  }

  const hundred = <T>(run: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 100 }, (_, index) => run(index)));

  it('100 streams of one connection, each with a session of its own', async () => {
    const answers = await hundred(() => get('/new'));
    expect(new Set(answers.map(({ headers }) => headers[':status']))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ headers }) => headers['x-auth-token'])).size).toBe(100);
    expect(store.calls.filter((operation) => operation === 'create')).toHaveLength(100);
  });

  it('law 5: 100 streams that count in one session lose nothing', async () => {
    const token = (await get('/new')).headers['x-auth-token'] as string;
    const answers = await hundred(() => get('/count', token));
    expect(new Set(answers.map(({ headers }) => headers[':status']))).toEqual(new Set([200]));
    expect(await running.get(SessionService).load(token)).toMatchObject({ views: 101 });
  });

  it('law 4: no stream is answered before the store has confirmed; others are not held up', async () => {
    const barrier = new Barrier();
    const token = (await get('/new')).headers['x-auth-token'] as string;
    store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
    let answered = false;
    const held = get('/new').then((answer) => {
      answered = true;
      return answer;
    });
    await barrier.arrived;
    expect((await get('/count', token)).text).toBe('{"views":2}');
    expect(answered).toBe(false);
    barrier.open();
    expect((await held).text).toBe('{"views":1}');
  });

  it('law 4: a failed commit is a 503 of the filters; the connection goes on', async () => {
    store.before = (operation) => {
      if (operation === 'create') throw new Error('down');
    };
    const { headers, text } = await get('/new');
    expect([headers[':status'], headers['x-filter'], headers['x-auth-token']]).toEqual([503, 'yes', undefined]);
    expect(JSON.parse(text)).toEqual({ filtered: true, code: 'STORE_UNAVAILABLE' });
    expect(filter.caught).toMatchObject([{ givenFrameworks: true }]);
    store.before = undefined;
    expect((await get('/new')).headers[':status']).toBe(200);
  });
});
