import { Controller, Get, Req, StreamableFile } from '@nestjs/common';
import { SessionModule, cookie, header } from 'nestjs-token-session';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import {
  AnswersMiddlewareModule,
  answersOf,
  change,
  kindsOf,
  MarkingFilter,
  type AnswerKind,
  type AnyRequest,
} from '../support/answers.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, Connection } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

/** What describes a body or its handling: none of it may stay of an answer that was dropped. */
const DROPPED = ['etag', 'last-modified', 'location', 'content-disposition', 'accept-ranges', 'content-encoding'];

let source: Readable;

@Controller()
class SourceController {
  @Get('endless') endless(@Req() request: AnyRequest) {
    change(request);
    source = new Readable({
      read() {
        this.push('x'.repeat(1_000));
      },
    });
    return new StreamableFile(source);
  }
}

describe.each(PLATFORMS)('an answer that can not be given on %s', (platform) => {
  const kinds = kindsOf(platform).map((kind): [string, AnswerKind] => [kind.name, kind]);
  let store: ProbedStore;
  let filter: MarkingFilter;
  let running: RunningApp;

  beforeAll(async () => {
    store = new ProbedStore();
    filter = new MarkingFilter(platform);
    const transport = [header(), cookie({ secure: false })];
    running = await startApp(platform, {
      controllers: [...answersOf(platform), SourceController],
      imports: [SessionModule.forRoot({ store, transport, logger: SILENT }), AnswersMiddlewareModule],
      prepare: (app) => app.useGlobalFilters(filter),
    });
  });
  afterAll(closeApps);
  beforeEach(() => {
    store.before = undefined;
    filter.before = undefined;
    filter.caught.length = 0;
  });

  function failAt(failing: string): void {
    store.before = (operation) => {
      if (operation === failing) throw new Error('down');
    };
  }

  it.each(kinds)('law 4: %s: a new session that is not stored is a 503 of the filters', async (_name, kind) => {
    failAt('create');
    const connection = new Connection(running.url);
    const answer = await connection.call(kind.path, kind);

    expect({ status: answer.status, filter: answer.headers['x-filter'] }).toEqual({ status: 503, filter: 'yes' });
    if (kind.method !== 'HEAD') expect(answer.json()).toEqual({ filtered: true, code: 'STORE_UNAVAILABLE' });
    expect(answer.statusMessage).toBe('Service Unavailable');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['cache-control']).toBe('no-store');
    // Express gives its own ETag to what the filter sends.
    const left = DROPPED.filter((name) => name in answer.headers && !(platform === 'express' && name === 'etag'));
    expect(left).toEqual([]);
    expect(answer.headers['etag']).not.toBe('"mine"');
    expect(answer.token).toBeUndefined();
    expect(answer.cookies.filter((line) => line.startsWith('sid='))).toEqual([]);
    expect(filter.caught.at(-1)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' }, givenFrameworks: true });

    store.before = undefined;
    const next = await connection.call('/answers/object');
    expect({ status: next.status, body: next.json(), sockets: connection.opened }).toEqual({
      status: 200,
      body: { ok: true },
      sockets: 1,
    });
    connection.close();
  });

  it.each(kinds)('law 4: %s: a change that is not stored is a 503 too, and the token stays', async (_name, kind) => {
    const { token } = await call(running.url, '/answers/object');
    failAt('update');
    const answer = await call(running.url, kind.path, { method: kind.method, token });
    expect({ status: answer.status, filter: answer.headers['x-filter'], token: answer.token }).toEqual({
      status: 503,
      filter: 'yes',
      token: undefined,
    });
  });

  it('law 4: a handler that goes on while the filter takes its time does not answer in its place', async () => {
    failAt('create');
    for (const path of ['/answers/early-write', '/answers/flush-headers', '/answers/res', '/answers/raw-end']) {
      const asked = new Barrier();
      filter.before = () => asked.pass();
      const connection = new Connection(running.url);
      const answering = connection.call(path);
      await asked.arrived;
      // Meanwhile the handler writes the rest, and its promise settles.
      for (let round = 0; round < 3; round++) await call(running.url, '/answers/plain');
      asked.open();
      const answer = await answering;
      expect([path, answer.status, answer.headers['x-filter'], connection.opened]).toEqual([path, 503, 'yes', 1]);
      expect(answer.json()).toEqual({ filtered: true, code: 'STORE_UNAVAILABLE' });
      connection.close();
    }
  });

  it('L86: the source of a dropped answer is closed, not left waiting', async () => {
    failAt('create');
    const answer = await call(running.url, '/endless');
    expect(answer.status).toBe(503);
    if (!source.destroyed) await once(source, 'close');
    expect(source.destroyed).toBe(true);
  });
});
