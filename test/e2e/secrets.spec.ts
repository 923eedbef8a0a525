import { jest } from '@jest/globals';
import {
  Catch,
  Controller,
  Get,
  HttpException,
  Inject,
  Post,
  Req,
  Res,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { MemoryStore, Session, SESSION_STORE, SessionService } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { CARRIERS } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { CallbackMapStore, ProbedStore, SimpleMapStore } from '../support/stores.js';

/** All that can be seen of a value by looking at it. */
const everything = (value: unknown, depth = Infinity, showHidden = true): string =>
  inspect(value, { depth, showHidden, showProxy: showHidden, maxArrayLength: null, maxStringLength: null });

/** What the handlers of these tests have seen, apart from what goes over the wire. */
const seen: string[] = [];

@Controller('look')
class LookController {
  constructor(
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(SESSION_STORE) private readonly store: object,
  ) {}

  /** Stores a new session, and looks at all there is while its token is still on the way out. */
  @Post()
  async look(
    @Session() sess: Session<{ views: number }>,
    @Req() request: object,
    @Res({ passthrough: true }) response: object,
  ): Promise<unknown> {
    sess.views = 1;
    await sess.save();
    seen.push(
      everything(sess),
      everything(sess, Infinity, false),
      JSON.stringify(sess),
      `as text: ${sess as unknown as string}`,
      `${Object.getOwnPropertyNames(sess).join()}${Object.getOwnPropertySymbols(sess).map(String).join()}`,
      JSON.stringify(Object.entries(sess)),
      JSON.stringify(structuredClone({ ...sess })),
      everything(this.sessions),
      everything(this.store),
    );
    // As console.log shows them, only deeper.
    seen.push(everything(request, 8, false), everything(response, 8, false));
    return { ...sess };
  }

  @Get('throws')
  throws(@Session() sess: Session<{ views: number }>): never {
    throw new HttpException({ session: sess, id: sess.id }, 418);
  }

  @Post('unstorable')
  unstorable(@Session() sess: Session<{ when: unknown }>): void {
    sess.when = new Map();
  }

  @Post('misused')
  async misused(@Session() sess: Session<{ views: number }>): Promise<void> {
    await sess.regenerate();
    sess.views = 5;
  }
}

@Catch()
class LookingFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    seen.push(everything(error), String((error as Error).stack), JSON.stringify(error));
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    const status = error instanceof HttpException ? error.getStatus() : 500;
    response.status(status).send({ status, error: everything(error) });
  }
}

describe.each(PLATFORMS)('secrets on %s', (platform) => {
  beforeEach(() => {
    seen.length = 0;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await closeApps();
  });

  it.each(CARRIERS.map((carrier) => [carrier.name, carrier] as const))(
    'law 2: no token in logs, errors, inspect, JSON, events or bodies: %s',
    async (_name, { transport, send, received }) => {
      const output: string[] = [];
      const record = (chunk: unknown): boolean => output.push(String(chunk)) > 0;
      jest.spyOn(process.stdout, 'write').mockImplementation(record);
      jest.spyOn(process.stderr, 'write').mockImplementation(record);
      const clock = new TestClock();
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController, LookController],
        session: {
          store,
          transport: transport(),
          clock: clock.now,
          logger: { warn: record, error: record },
        },
        prepare: (nest) => nest.useGlobalFilters(new LookingFilter()),
      });
      const events = collectEvents(app);
      const tokens: string[] = [];
      const answers: Answer[] = [];
      const ask = async (method: string, path: string, token?: string): Promise<string> => {
        const answer = await call(app.url, path, { method, headers: token === undefined ? {} : send(token) });
        answers.push(answer);
        const got = received(answer);
        if (got) tokens.push(got);
        // Log lines of one kind come once a minute; here all of them are wanted.
        clock.advance(60_001);
        return got ?? '';
      };

      const first = await ask('POST', '/look');
      await ask('GET', '/look/throws', first);
      await ask('POST', '/look/unstorable', first);
      const second = await ask('POST', '/renew', first);
      await ask('POST', '/views', first);
      await ask('POST', '/look/misused', second);
      await ask('POST', '/views', second);
      const third = await ask('POST', '/views');
      for (const operation of ['load', 'update', 'destroy']) {
        store.before = (current) => {
          if (current === operation) throw new Error(`${operation} failed`);
        };
        await ask('POST', '/views', third);
        await ask('DELETE', '/session', third);
      }
      store.before = undefined;
      await ask('DELETE', '/session', await ask('POST', '/views'));
      await ask('GET', '/views', `${third}x`);
      clock.advance(24 * 3_600_000);
      await ask('GET', '/views', third);

      expect(new Set(tokens).size).toBeGreaterThanOrEqual(5);
      expect(events.map(({ type }) => type)).toEqual(
        expect.arrayContaining([
          'session_created',
          'session_renewed',
          'input_validation_fail',
          'store_failed',
          'data_refused',
        ]),
      );
      const all = [...seen, ...output, everything(events), ...answers.map(({ text }) => text)].join('\n');
      expect(output.length).toBeGreaterThan(3);
      for (const token of tokens) expect(shown(all, token)).toEqual([]);
    },
    30_000,
  );

  it.each<[string, () => MemoryStore | SimpleMapStore | CallbackMapStore]>([
    ['memory store', () => new MemoryStore()],
    ['simple store', () => new SimpleMapStore()],
    ['callback store', () => new CallbackMapStore()],
  ])('ASVS 11.2.4: a dump of the %s holds SHA-256 of the tokens and no token', async (_title, make) => {
    const store = make();
    const app = await startApp(platform, { controllers: [CounterController], session: { store } });
    const tokens: string[] = [];
    for (let count = 0; count < 5; count++) {
      const token = (await call(app.url, '/views', { method: 'POST' })).token as string;
      const next = (await call(app.url, '/renew', { method: 'POST', token })).token as string;
      await call(app.url, '/views', { method: 'POST', token: next });
      tokens.push(token, next);
    }

    const dump = everything(store);
    for (const token of tokens) expect(shown(dump, token)).toEqual([]);
    const living = tokens.filter((_, index) => index % 2 === 1);
    for (const token of living) expect(dump).toContain(createHash('sha256').update(token).digest('base64url'));
    // The id opens nothing: it is no token.
    await opensNothing(
      app,
      createHash('sha256')
        .update(living[0] as string)
        .digest('base64url'),
    );
  });

  it('law 2: SessionService.info() is the one place that gives the token', async () => {
    @Controller()
    class InfoController {
      constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

      @Post('info')
      async info(@Session() sess: Session<{ views: number }>): Promise<unknown> {
        const before = this.sessions.info(sess);
        sess.views = 1;
        await sess.save();
        const { token, id } = this.sessions.info(sess);
        return { before: [before.token ?? null, before.id ?? null], token, id };
      }
    }
    const app = await startApp(platform, { controllers: [InfoController] });
    const answer = await call(app.url, '/info', { method: 'POST' });
    expect(answer.json()).toEqual({
      before: [null, null],
      token: answer.token,
      id: createHash('sha256')
        .update(answer.token as string)
        .digest('base64url'),
    });
  });
});

/** Where a token shows, with what stands before it: a failure has to say more than "it is there". */
function shown(all: string, token: string): string[] {
  return all
    .split(token)
    .slice(0, -1)
    .map((before) => before.slice(-80));
}

async function opensNothing(app: RunningApp, value: string): Promise<void> {
  expect((await call(app.url, '/views', { token: value })).json()).toEqual({ views: 0 });
}
