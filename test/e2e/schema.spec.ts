import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { type } from 'arktype';
import {
  encrypted,
  MemoryStore,
  Session,
  SessionService,
  type InferSession,
  type SessionOptions,
  type SessionSchema,
} from 'nestjs-token-session';
import * as v from 'valibot';
import { z } from 'zod';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

/** Where slow requests wait with their session loaded and changed. */
let slow: Barrier;

const byZod = z.object({
  views: z.number().default(0),
  items: z.array(z.string()).max(2).default([]),
  user: z.string().optional(),
});
type Data = InferSession<typeof byZod>;

const LIBRARIES: Record<string, SessionSchema> = {
  zod: byZod,
  valibot: v.object({
    views: v.optional(v.number(), 0),
    items: v.optional(v.pipe(v.array(v.string()), v.maxLength(2)), []),
    user: v.optional(v.string()),
  }),
  arktype: type({ views: 'number = 0', items: type('string[] <= 2').default(() => []), 'user?': 'string' }),
};

@Controller()
class ShopController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data') data(@Session() sess: Session<Data>): object {
    return { ...sess };
  }

  /** Looks at values in which something could be changed. */
  @Get('items') items(@Session() sess: Session<Data>): object {
    return sess.items ?? [];
  }

  @HttpCode(200) @Post('assign') assign(@Session() sess: Session, @Body() data: object): void {
    Object.assign(sess, data);
  }

  @HttpCode(200) @Post('slow') async slow(@Session() sess: Session, @Body() data: object): Promise<void> {
    Object.assign(sess, data);
    await slow.pass();
  }

  @HttpCode(200) @Post('push') push(@Session() sess: Session<Data>, @Body() { item }: { item: string }): void {
    sess.items?.push(item);
  }

  @HttpCode(200) @Post('update') async update(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    await this.sessions.update(sess, (draft) => Object.assign(draft, data));
  }

  @HttpCode(200) @Post('caught') async caught(@Session() sess: Session<Data>, @Body() data: Data): Promise<unknown> {
    Object.assign(sess, data);
    const outcome = await sess.save().then(
      () => 'saved',
      (error: unknown) => (error as { code: string }).code,
    );
    sess.views = 5;
    return { outcome };
  }

  @HttpCode(200) @Post('login') async login(
    @Session() sess: Session<Data>,
    @Body() { keep }: { keep: 'items'[] },
  ): Promise<void> {
    await this.sessions.login(sess, 'ada', { keep });
  }

  @Get('info') info(@Session() sess: Session): unknown {
    return { userId: this.sessions.info(sess).userId };
  }

  @Get('plain') plain(): string {
    return 'plain';
  }
}

describe.each(PLATFORMS)('a schema on %s', (platform) => {
  let app: RunningApp;
  let store: ProbedStore;

  beforeEach(() => (slow = new Barrier()));
  afterEach(closeApps);

  async function start(session: SessionOptions, inner: MemoryStore = new MemoryStore()): Promise<void> {
    store = new ProbedStore(inner);
    app = await startApp(platform, { controllers: [ShopController], session: { store, ...session } });
  }

  const post = (path: string, body: object, token?: string): Promise<Answer> =>
    call(app.url, path, { method: 'POST', body, token });
  const data = async (token: string | undefined): Promise<unknown> => (await call(app.url, '/data', { token })).json();

  describe.each(Object.entries(LIBRARIES))('%s', (_library, schema) => {
    it('fills in what is missing when data are loaded; an empty session stays empty', async () => {
      await start({ schema });
      expect(await data(undefined)).toEqual({});
      const { token } = await post('/assign', { views: 3 });
      expect(await data(token)).toEqual({ views: 3, items: [] });
    });

    it('law 3: a default alone is not stored: reading writes nothing, each time', async () => {
      await start({ schema });
      const { token } = await post('/assign', { views: 3 });
      store.calls.length = 0;
      for (const path of ['/data', '/items', '/data']) await call(app.url, path, { token });
      expect(store.calls).toEqual(['load', 'load', 'load']);
    });

    it('D41: a change within a default is stored, and nobody else sees it (law 10)', async () => {
      await start({ schema });
      const [mine, theirs] = await Promise.all([post('/assign', { views: 1 }), post('/assign', { views: 2 })]);
      expect((await post('/push', { item: 'mine' }, mine.token)).status).toBe(200);
      expect(await data(mine.token)).toEqual({ views: 1, items: ['mine'] });
      expect(await data(theirs.token)).toEqual({ views: 2, items: [] });
    });

    it('law 4: what does not fit is refused before the answer, by its key, and nothing of it is stored', async () => {
      await start({ schema });
      const events = collectEvents(app);
      const first = await post('/assign', { views: 'the-secret' });
      expect([first.status, first.token]).toEqual([500, undefined]);
      expect(store.calls).toEqual([]);

      const { token } = await post('/assign', { views: 1 });
      for (const path of ['/assign', '/update', '/caught']) {
        expect((await post(path, { views: 2, items: ['a', 7] }, token)).status).toBe(500);
      }
      expect(await data(token)).toEqual({ views: 1, items: [] });
      const refusals = events.flatMap((event) => (event.type === 'data_refused' ? [event.reason] : []));
      expect(refusals[0]).toMatch(/"views" \(a string\)/);
      expect(refusals.slice(1).every((reason) => reason.includes('"items[1]" (a number)'))).toBe(true);
      expect(JSON.stringify(events)).not.toContain('the-secret');
    });

    it('law 5: changes of parallel requests that fit one by one, but not together: the later one may try again', async () => {
      await start({ schema: together(schema) });
      const { token } = await post('/assign', { views: 1 });
      const late = post('/slow', { user: 'ada' }, token);
      await slow.arrived;
      expect((await post('/assign', { items: ['a'] }, token)).status).toBe(200);
      slow.open();
      const answer = await late;
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({ code: 'SESSION_CONFLICT' });
      expect(await data(token)).toEqual({ views: 1, items: ['a'] });
    });

    it('law 5: changes of parallel requests that fit together all survive', async () => {
      await start({ schema });
      const { token } = await post('/assign', { views: 1 });
      const late = post('/slow', { user: 'ada' }, token);
      await slow.arrived;
      await post('/push', { item: 'a' }, token);
      slow.open();
      expect((await late).status).toBe(200);
      expect(await data(token)).toEqual({ views: 1, items: ['a'], user: 'ada' });
    });

    it('law 7: a login checks what it keeps; one that keeps nothing always fits', async () => {
      await start({ schema });
      const { token } = await post('/assign', { items: ['a'] });
      const kept = await post('/login', { keep: ['items'] }, token);
      expect(await data(kept.token)).toEqual({ views: 0, items: ['a'] });
      const strict = z.object({ views: z.number() });
      await start({ schema: strict });
      const signedIn = await post('/login', { keep: [] });
      expect([signedIn.status, await data(signedIn.token)]).toEqual([200, {}]);
      expect((await call(app.url, '/info', { token: signedIn.token })).json()).toEqual({ userId: 'ada' });
      const refused = await post('/assign', { other: 1 }, signedIn.token);
      expect(refused.status).toBe(500);
    });
  });

  it('a save that the handler caught must not be answered as a success', async () => {
    await start({ schema: byZod });
    const answer = await post('/caught', { items: [1] });
    expect([answer.status, answer.token]).toEqual([500, undefined]);
  });

  it('stands between the codec and the seal: what is checked is what is encrypted', async () => {
    await start({ schema: byZod, codec: encrypted({ keys: [{ id: 'a', key: randomBytes(32) }] }) });
    const { token } = await post('/assign', { views: 3 });
    expect(await data(token)).toEqual({ views: 3, items: [] });
    expect((await post('/assign', { views: 'x' }, token)).status).toBe(500);
  });

  it('comes after maxBytes: too much is told as too much', async () => {
    await start({ schema: byZod, maxBytes: 50 });
    const events = collectEvents(app);
    expect((await post('/assign', { items: ['a'.repeat(100), 1] })).status).toBe(500);
    expect(events).toEqual([
      expect.objectContaining({ type: 'data_refused', reason: expect.stringContaining('maxBytes') }),
    ]);
  });

  it('userIdOf sees what the schema gives: the user of data that were migrated', async () => {
    const memory = new MemoryStore();
    await start({}, memory);
    const { token } = await post('/assign', { passport: { user: 'ada' } });
    await start(
      {
        schema: z.object({ user: z.string() }),
        migrate: (old) => ({ user: (old['passport'] as { user: string }).user }),
        userIdOf: ({ user }) => user as string,
      },
      memory,
    );
    expect((await call(app.url, '/info', { token })).json()).toEqual({ userId: undefined });
    const renewed = await post('/assign', { user: 'ada', seen: true }, token);
    expect((await call(app.url, '/info', { token: renewed.token })).json()).toEqual({ userId: 'ada' });
  });
});

/** The same schema, which takes `user` and `items` not together. */
function together(schema: SessionSchema): SessionSchema {
  const { version, vendor, validate } = schema['~standard'];
  return {
    '~standard': {
      version,
      vendor,
      validate: (value) => {
        const { user, items = [] } = value as Partial<Data>;
        return user !== undefined && items.length > 0 ? { issues: [{ message: 'not both' }] } : validate(value);
      },
    },
  };
}
