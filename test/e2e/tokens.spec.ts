import { createHash, randomBytes } from 'node:crypto';
import { Agent, IncomingMessage, request, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Body, Controller, Param, Post, Query } from '@nestjs/common';
import { session, Session, SessionService } from 'nestjs-token-session';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { CARRIERS } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore, STORES } from '../support/stores.js';

const unknownToken = (): string => randomBytes(32).toString('base64url');

/** The answer but for what differs from one to the next anyway. */
function comparable({ status, headers, text }: Answer): object {
  const { date: _date, ...rest } = headers;
  return { status, headers: rest, text };
}

const TOKEN = unknownToken();

const HOSTILE: [string, string][] = [
  ['H1: empty', ''],
  ['H1: blanks around nothing', ' '],
  ['H2: one character short', TOKEN.slice(1)],
  ['H2: one character long', `${TOKEN}A`],
  ['H3: one foreign character', `${TOKEN.slice(0, 20)}+${TOKEN.slice(21)}`],
  ['H3: a last character that is not canonical', `${TOKEN.slice(0, 42)}B`],
  ['H3: padding', `${TOKEN}=`],
  ['H6: 15 KB', 'A'.repeat(15_000)],
  ['H9: two tokens in one', `${TOKEN}, ${unknownToken()}`],
  ['H9: the same token twice in one', `${TOKEN}, ${TOKEN}`],
  ['H13: a broken percent code', '%E0%A4%A'],
  ['H16: a name of the prototype', '__proto__'],
  ['H16: the token that crashes express-token-session', 'constructor'],
  ['H19: a path', '../../etc/passwd'],
  ['H19: a wildcard', '*'],
  ['H19: a pattern', 'sess:*'],
  ['H19: a hash tag of Redis Cluster', '{tag}'],
  ['H19: SQL', "' OR 1=1--"],
];

describe.each(PLATFORMS)('tokens on %s', (platform) => {
  afterEach(closeApps);

  describe.each(CARRIERS)('by $name', ({ name, transport, vary, send, received }) => {
    it.each(HOSTILE)('law 1: a malformed token never reaches the store: %s', async (_title, value) => {
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: transport() },
      });
      const events = collectEvents(app);

      const answer = await call(app.url, '/views', { headers: send(value) });

      expect([answer.status, answer.json()]).toEqual([200, { views: 0 }]);
      expect(store.calls).toEqual([]);
      expect(events).toEqual([{ type: 'input_validation_fail', transport: name }]);
      expect(received(answer)).toBeUndefined();
      if (value.trim().length > 3) {
        expect(JSON.stringify([answer.headers, answer.text, events])).not.toContain(value.trim());
      }
    });

    it('law 1: a write after a malformed token gets a token of our own', async () => {
      const app = await startApp(platform, { controllers: [CounterController], session: { transport: transport() } });

      const answer = await call(app.url, '/views', { method: 'POST', headers: send(TOKEN.slice(1)) });

      expect(received(answer)).toMatch(/^[\w-]{43}$/);
      expect(received(answer)).not.toContain(TOKEN.slice(1));
    });

    it('H4: an unknown token is anonymous and never adopted', async () => {
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: transport() },
      });

      const read = await call(app.url, '/views', { headers: send(TOKEN) });
      expect([read.status, read.json(), received(read)]).toEqual([200, { views: 0 }, undefined]);
      const written = await call(app.url, '/views', { method: 'POST', headers: send(TOKEN) });
      const again = await call(app.url, '/views', { headers: send(TOKEN) });

      expect(received(written)).toMatch(/^[\w-]{43}$/);
      expect(received(written)).not.toBe(TOKEN);
      expect(again.json()).toEqual({ views: 0 });
      expect(store.calls).toEqual(['load', 'load', 'create', 'load']);
    });

    it('H24: expired and destroyed tokens are answered like unknown ones', async () => {
      const clock = new TestClock();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { transport: transport(), clock: clock.now },
      });
      const begin = async (): Promise<string> => received(await call(app.url, '/views', { method: 'POST' })) as string;

      const expired = await begin();
      clock.advance(30 * 60_000);
      const destroyed = await begin();
      await call(app.url, '/session', { method: 'DELETE', headers: send(destroyed) });

      const read = (token: string): Promise<Answer> => call(app.url, '/views', { headers: send(token) });
      const end = (token: string): Promise<Answer> =>
        call(app.url, '/session', { method: 'DELETE', headers: send(token) });
      for (const ask of [read, end]) {
        const unknown = comparable(await ask(unknownToken()));
        expect(comparable(await ask(expired))).toEqual(unknown);
        expect(comparable(await ask(destroyed))).toEqual(unknown);
      }
    });

    it('H24: a token rotated away within the last minute is anonymous, and nothing is set or cleared', async () => {
      const clock = new TestClock();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { transport: transport(), clock: clock.now },
      });
      const old = received(await call(app.url, '/views', { method: 'POST' })) as string;
      await call(app.url, '/renew', { method: 'POST', headers: send(old) });

      clock.advance(59_999);
      const read = await call(app.url, '/views', { headers: send(old) });
      const written = await call(app.url, '/views', { method: 'POST', headers: send(old) });
      const ended = await call(app.url, '/session', { method: 'DELETE', headers: send(old) });
      expect([read.status, read.json(), received(read)]).toEqual([200, { views: 0 }, undefined]);
      expect([written.status, received(written)]).toEqual([401, undefined]);
      expect(received(ended)).toBeUndefined();

      clock.advance(1);
      const later = await call(app.url, '/views', { method: 'POST', headers: send(old) });
      expect(later.json()).toEqual({ views: 1 });
      expect(received(later)).toMatch(/^[\w-]{43}$/);
    });

    it('law 3: no token and no write: no store call, no token, nothing to cache apart', async () => {
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: transport() },
      });
      const events = collectEvents(app);

      const plain = await call(app.url, '/plain');
      const read = await call(app.url, '/views');
      const ended = await call(app.url, '/session', { method: 'DELETE' });

      for (const answer of [plain, read, ended]) {
        expect(received(answer)).toBeUndefined();
        expect(answer.headers['cache-control']).toBeUndefined();
      }
      expect([store.calls, events]).toEqual([[], []]);
      // Only where the session was looked at does the answer depend on the token.
      expect([plain.headers['vary'], read.headers['vary']]).toEqual([undefined, vary]);
    });

    it('law 3: a read-only request writes nothing, but for a touch when one is due', async () => {
      const clock = new TestClock();
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: transport(), clock: clock.now, idleTimeout: '10m' },
      });
      const token = received(await call(app.url, '/views', { method: 'POST' })) as string;
      store.calls.length = 0;

      clock.advance(59_999);
      const before = await call(app.url, '/views', { headers: send(token) });
      expect(store.calls).toEqual(['load']);
      clock.advance(1);
      const due = await call(app.url, '/views', { headers: send(token) });
      await call(app.url, '/views', { headers: send(token) });

      expect(store.calls).toEqual(['load', 'load', 'touch', 'load']);
      expect([received(before), received(due)]).toEqual([undefined, undefined]);
    });

    it('law 3: writing what is there already stores nothing', async () => {
      @Controller()
      class SameController {
        @Post('same')
        same(@Session() sess: Session<{ theme: string }>): void {
          sess.theme = 'dark';
        }
      }
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [SameController],
        session: { store, transport: transport() },
      });
      const token = received(await call(app.url, '/same', { method: 'POST' })) as string;
      const again = await call(app.url, '/same', { method: 'POST', headers: send(token) });

      expect(store.calls).toEqual(['create', 'load']);
      expect(received(again)).toBeUndefined();
    });

    it.each(Object.entries(STORES))(
      'ASVS 7.2.4: a planted token is dead after regenerate, the new one works (%s)',
      async (_title, store) => {
        const app = await startApp(platform, {
          controllers: [CounterController],
          session: { store: store(), transport: transport() },
        });
        const planted = received(await call(app.url, '/views', { method: 'POST' })) as string;

        const renewed = await call(app.url, '/renew', { method: 'POST', headers: send(planted) });
        const token = received(renewed) as string;

        expect(token).toMatch(/^[\w-]{43}$/);
        expect(token).not.toBe(planted);
        expect((await call(app.url, '/views', { headers: send(planted) })).json()).toEqual({ views: 0 });
        expect((await call(app.url, '/views', { headers: send(token) })).json()).toEqual({ views: 1 });
      },
    );
  });

  it('ASVS 7.6.2: 10,000 anonymous GETs leave 0 records and get 0 tokens', async () => {
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { transport: CARRIERS.map(({ transport }) => transport()) },
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    let tokens = 0;
    const get = (): Promise<void> =>
      new Promise((resolve, reject) => {
        request(`${app.url}/views`, { agent }, (response) => {
          if ('set-cookie' in response.headers || 'x-auth-token' in response.headers) tokens++;
          response.resume().on('end', resolve);
        })
          .on('error', reject)
          .end();
      });

    await Promise.all(Array.from({ length: 10_000 }, get));
    agent.destroy();

    expect(tokens).toBe(0);
    expect(await app.get(SessionService).count()).toBe(0);
  });

  it('H12, ASVS 14.2.1: a token in the query, the body or the path is ignored', async () => {
    @Controller()
    class EverywhereController {
      @Post('here/:token')
      here(
        @Session() sess: Session<{ views: number }>,
        @Param('token') _token: string,
        @Body() _body: unknown,
        @Query() _query: unknown,
      ): { views: number } {
        return { views: sess.views ?? 0 };
      }
    }
    const store = new ProbedStore();
    const app = await startApp(platform, {
      controllers: [CounterController, EverywhereController],
      session: { store, transport: CARRIERS.map(({ transport }) => transport()) },
    });
    const token = (await call(app.url, '/views', { method: 'POST' })).token as string;
    store.calls.length = 0;

    const names = ['sid', 'token', 'access_token', '__Host-sid', 'x-auth-token', 'X-Auth-Token', 'authorization'];
    const answer = await call(app.url, `/here/${token}?${names.map((name) => `${name}=${token}`).join('&')}`, {
      method: 'POST',
      body: Object.fromEntries(names.map((name) => [name, token])),
    });

    expect(answer.json()).toEqual({ views: 0 });
    expect(store.calls).toEqual([]);
  });

  it('law 2: the id is SHA-256 of the token, undefined until stored, and changes with the token', async () => {
    @Controller()
    class IdController {
      @Post('ids')
      async ids(@Session() sess: Session<{ views: number }>): Promise<unknown> {
        const ids = [sess.id ?? null];
        sess.views = 1;
        ids.push(sess.id ?? null);
        await sess.save();
        ids.push(sess.id ?? null);
        const next = await sess.regenerate();
        ids.push(next.id ?? null);
        return ids;
      }
    }
    const app = await startApp(platform, { controllers: [IdController] });

    const answer = await call(app.url, '/ids', { method: 'POST' });
    const [fresh, unsaved, saved, renewed] = answer.json() as (string | null)[];

    expect([fresh, unsaved]).toEqual([null, null]);
    expect(saved).toMatch(/^[\w-]{43}$/);
    expect(renewed).not.toBe(saved);
    expect(renewed).toBe(
      createHash('sha256')
        .update(answer.token as string)
        .digest('base64url'),
    );
    // The id is no token.
    expect(await app.get(SessionService).load(renewed as string)).toBeUndefined();
    const byId = await call(app.url, '/ids', { method: 'POST', token: renewed as string });
    expect(byId.status).toBe(201);
    expect((byId.json() as unknown[])[0]).toBeNull();
  });
});

describe('tokens', () => {
  it('H25: a million distinct unknown tokens: flat memory', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const layer = session({ logger: SILENT });
    const socket = new Socket();
    const ask = (): void => {
      const raw = new IncomingMessage(socket) as IncomingMessage & { session: unknown };
      raw.method = 'GET';
      raw.url = '/';
      raw.headers['x-auth-token'] = unknownToken();
      layer(raw, new ServerResponse(raw), () => raw.session);
    };
    const usedAfter = async (requests: number): Promise<number> => {
      for (let count = 0; count < requests; count++) {
        ask();
        // Objects of the request go with the next turn, as in a server.
        if (count % 1_000 === 0) await new Promise(setImmediate);
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };

    const before = await usedAfter(10_000);
    const after = await usedAfter(1_000_000);

    // A tenth of what keeping one of the ids each would take.
    expect(after - before).toBeLessThan(8_000_000);
    expect(await layer.service.count()).toBe(0);
    await layer.close();
  }, 120_000);
});
