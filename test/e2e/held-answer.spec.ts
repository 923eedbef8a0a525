import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { call, Connection, type Answer } from '../support/client.js';
import { AnswersMiddlewareModule, answersOf, kindsOf, type AnswerKind } from '../support/answers.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import { SessionModule, SessionService, cookie, header } from 'nestjs-token-session';

const OURS = /^(?:x-auth-token|set-cookie: sid=|vary: (?:X-Auth-Token, Cookie|Cookie, X-Auth-Token)$)/i;

/** What the client saw, but for the session layer's part and what differs between two calls. */
function withoutOurs({ status, statusMessage, rawHeaders, trailers, text }: Answer) {
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.push(`${rawHeaders[index] as string}: ${rawHeaders[index + 1] as string}`);
  }
  const theirs = headers
    .filter((line) => !OURS.test(line) && !/^(?:date|cache-control):/i.test(line))
    .map((line) => line.replace(/^(vary: .*), X-Auth-Token, Cookie$/i, '$1'));
  return { status, statusMessage, headers: theirs.sort(), trailers, text };
}

describe.each(PLATFORMS)('holding the answer on %s', (platform) => {
  const kinds = kindsOf(platform).map((kind): [string, AnswerKind] => [kind.name, kind]);
  let store: ProbedStore;
  let running: RunningApp;
  let bare: RunningApp;

  beforeAll(async () => {
    store = new ProbedStore();
    const transport = [header(), cookie({ secure: false })];
    const session = SessionModule.forRoot({ store, transport, logger: SILENT });
    // Node takes lists of headers in full only where no header was set before.
    const prepare = (app: INestApplication) => {
      if (platform === 'express') (app as NestExpressApplication).disable('x-powered-by');
    };
    const plan = { controllers: answersOf(platform), prepare };
    running = await startApp(platform, { ...plan, imports: [session, AnswersMiddlewareModule] });
    bare = await startApp(platform, { ...plan, imports: [AnswersMiddlewareModule] });
  });
  afterAll(closeApps);
  beforeEach(() => {
    store.before = undefined;
    store.calls.length = 0;
  });

  it.each(kinds)('law 4: %s: no byte leaves before the store has confirmed, then all of it', async (_name, kind) => {
    const barrier = new Barrier();
    store.before = (operation) => (operation === 'create' ? barrier.pass() : undefined);
    const connection = new Connection(running.url);
    const other = new Connection(running.url);

    const answering = connection.call(kind.path, kind);
    await barrier.arrived;
    // Meanwhile the handler goes on, and what it had sent would arrive.
    for (let round = 0; round < 3; round++) await other.call('/answers/plain');
    const early = connection.received;
    barrier.open();
    const answer = await answering;

    expect(early).toBe(0);
    expect(store.calls).toEqual(['create']);
    expect(await running.get(SessionService).load(answer.token ?? '')).toMatchObject({ seen: 1 });
    expect(answer.headers['cache-control']).toMatch(/\bno-store\b/);
    connection.close();
    other.close();
  });

  it.each(kinds)('%s: but for the session, the answer is that of bare Nest', async (_name, kind) => {
    const mine = new Connection(running.url);
    const theirs = new Connection(bare.url);
    // Twice: the second answer shows that the first one left the connection as it should be.
    for (let round = 0; round < 2; round++) {
      const answer = await mine.call(kind.path, kind);
      const expected = await theirs.call(kind.path, kind);
      expect(withoutOurs(answer)).toEqual(withoutOurs(expected));
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(mine.opened).toBe(theirs.opened);
    }
    mine.close();
    theirs.close();
  });

  it.each(kinds)('%s: the token in a cookie stands beside the cookies of the application', async (_name, kind) => {
    const unknown = { Cookie: `sid=${'A'.repeat(43)}` };
    const answer = await call(running.url, kind.path, { method: kind.method, headers: unknown });
    const expected = await call(bare.url, kind.path, kind);
    expect(answer.cookies.filter((line) => !line.startsWith('sid='))).toEqual(expected.cookies);
    expect(answer.cookies.filter((line) => line.startsWith('sid='))).toHaveLength(1);
  });

  it('L87b: a handler that writes and then throws while the answer is held: as bare Nest', async () => {
    const answer = await call(running.url, '/answers/write-then-throw');
    const expected = await call(bare.url, '/answers/write-then-throw');
    expect(withoutOurs(answer)).toEqual(withoutOurs(expected));
    expect(await running.get(SessionService).load(answer.token ?? '')).toMatchObject({ seen: 1 });
  });

  it('ASVS 14.2.2: no-store with a token keeps no-transform, which event streams rely on', async () => {
    const answer = await call(running.url, '/answers/sse');
    expect(answer.token).toMatch(/^[\w-]{43}$/);
    expect(answer.headers['cache-control']).toMatch(/\bno-store\b/);
    expect(answer.headers['cache-control']).toMatch(/\bno-transform\b/);
  });
});
