import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import compression from 'compression';
import type { RequestHandler } from 'express';
import { SessionModule, SessionService } from 'nestjs-token-session';
import { gunzipSync } from 'node:zlib';
import { get } from 'node:http';
import { answersOf, kindsOf, MarkingFilter, type AnswerKind } from '../support/answers.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, Connection } from '../support/client.js';
import type { RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

const compress = compression({ threshold: 0 });

/** Compression after the session layer: as middleware of a module. */
@Module({})
class CompressionModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(compress).forRoutes('*path');
  }
}

/** Bytes of a compressed answer, with what came beside. */
function fetchRaw(url: string, path: string) {
  return new Promise<{ encoding: string | undefined; token: unknown; body: Buffer; vary: string }>(
    (resolve, reject) => {
      get(new URL(path, url), { agent: false, headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { headers } = response;
          const [encoding, token, vary] = [headers['content-encoding'], headers['x-auth-token'], headers.vary ?? ''];
          resolve({ encoding, token, body: Buffer.concat(chunks), vary });
        });
      }).on('error', reject);
    },
  );
}

describe.each(['before', 'after'])('L89: compression mounted %s the session layer on express', (order) => {
  // Connection handling of these kinds has no body, or one that compression leaves alone.
  const kinds = kindsOf('express')
    .filter(({ name, method }) => method === 'GET' && !name.startsWith('middleware'))
    .map((kind): [string, AnswerKind] => [kind.name, kind]);
  let store: ProbedStore;
  let running: RunningApp;
  let bare: RunningApp;
  let filter: MarkingFilter;
  /** How each response reads once it has gone out. */
  const finished: unknown[] = [];

  const noteEnds: RequestHandler = (_request, response, next) => {
    response.once('finish', () => finished.push([response.headersSent, response.writableEnded]));
    next();
  };

  beforeAll(async () => {
    store = new ProbedStore();
    filter = new MarkingFilter('express');
    const session = SessionModule.forRoot({ store, logger: SILENT });
    const plan = (imports: NonNullable<Parameters<typeof startApp>[1]['imports']>) => ({
      controllers: answersOf('express'),
      imports: order === 'after' ? [...imports, CompressionModule] : imports,
      prepare: (app: Parameters<NonNullable<Parameters<typeof startApp>[1]['prepare']>>[0]) => {
        app.use(noteEnds);
        if (order === 'before') app.use(compress);
        app.useGlobalFilters(filter);
      },
    });
    running = await startApp('express', plan([session]));
    bare = await startApp('express', plan([]));
  });
  afterAll(closeApps);
  beforeEach(() => {
    store.before = undefined;
  });

  it.each(kinds)('%s: as compressed without the session layer, with the token', async (_name, kind) => {
    finished.length = 0;
    const answer = await fetchRaw(running.url, kind.path);
    const expected = await fetchRaw(bare.url, kind.path);
    expect(finished).toEqual([
      [true, true],
      [true, true],
    ]);
    const text = ({ encoding, body }: typeof answer) => (encoding === 'gzip' ? gunzipSync(body) : body).toString();
    expect(answer.encoding).toBe(expected.encoding);
    expect(text(answer)).toBe(text(expected));
    expect(await running.get(SessionService).load(String(answer.token))).toMatchObject({ seen: 1 });
    expect(answer.vary.split(', ').sort()).toEqual(
      [...expected.vary.split(', ').filter((name) => name !== ''), 'X-Auth-Token'].sort(),
    );
  });

  it.each(kinds)('law 4: %s: no byte leaves before the store has confirmed', async (_name, kind) => {
    const barrier = new Barrier();
    store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
    const connection = new Connection(running.url);
    const answering = connection.call(kind.path, { headers: { 'Accept-Encoding': 'gzip' } });
    await barrier.arrived;
    for (let round = 0; round < 3; round++) await call(running.url, '/answers/plain');
    const early = connection.received;
    barrier.open();
    expect((await answering).token).toMatch(/^[\w-]{43}$/);
    expect(early).toBe(0);
    connection.close();
  });

  it.each(kinds)('law 4: %s: a failed commit is a readable 503 of the filters', async (_name, kind) => {
    store.before = (operation) => {
      if (operation === 'create') throw new Error('down');
    };
    const connection = new Connection(running.url);
    const answer = await connection.call(kind.path);
    const packed = await fetchRaw(running.url, kind.path);
    const text = packed.encoding === 'gzip' ? gunzipSync(packed.body).toString() : packed.body.toString();
    expect([answer.status, answer.headers['x-filter'], answer.token]).toEqual([503, 'yes', undefined]);
    expect(JSON.parse(text)).toEqual({ filtered: true, code: 'STORE_UNAVAILABLE' });
    store.before = undefined;
    expect((await connection.call('/answers/object')).status).toBe(200);
    expect(connection.opened).toBe(1);
    connection.close();
  });
});
