import { Controller, Get } from '@nestjs/common';
import {
  MemoryStore,
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  type AtomicSessionStore,
  type SessionEvent,
  type SessionOptions,
  type StoreHost,
} from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { idOf } from '../../lib/session-token.js';
import { closeApps } from '../support/app.js';
import { COOKIE, HEADER } from '../support/carriers.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { data, login, regenerate, ScriptedApp } from '../support/scripted.js';
import { openDatabase, removeFiles } from '../support/sqlite/files.js';
import { ProbedStore } from '../support/stores.js';
import { ROWS } from './support/v16-events-page.js';

const MINUTE = 60_000;
const CROSS_SITE = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };
/** Some sentence. */
const reason = expect.any(String);

/** A store whose own expiry is late: its records are there past their end. */
class LateStore extends MemoryStore {
  override attach(host: StoreHost): void {
    super.attach({ ...host, now: () => 0 });
  }
}

@Controller('guarded')
class GuardedController {
  @Get('session')
  @RequireSession()
  session(): string {
    return 'ok';
  }

  @Get('login')
  @RequireLogin()
  login(): string {
    return 'ok';
  }

  @Get('level')
  @RequireLogin({ level: 2 })
  level(): string {
    return 'ok';
  }

  @Get('recent')
  @RequireRecentLogin('10m')
  recent(): string {
    return 'ok';
  }
}

describe.each(PLATFORMS)('security events on %s', (platform) => {
  failOnUnhandledRejections();
  let clock: TestClock;
  let lines: string[];
  let app: ScriptedApp;
  let events: SessionEvent[];

  const start = async (options: SessionOptions = {}, carrier = HEADER): Promise<void> => {
    const log = (line: string): number => lines.push(line);
    const session = { clock: clock.now, logger: { warn: log, error: log }, ...options };
    app = await ScriptedApp.start(platform, session, { carrier, controllers: [GuardedController] });
    events = collectEvents(app.running);
  };
  /** What came since the last look. */
  const told = (): SessionEvent[] => {
    for (const event of events) {
      const row = ROWS.find(({ type }) => type === event.type);
      const { type, ...fields } = event;
      const required = row?.fields.filter((name) => !row.optional.includes(name));
      expect([type, row?.fields]).toEqual([type, expect.arrayContaining(Object.keys(fields))]);
      expect([type, Object.keys(fields)]).toEqual([type, expect.arrayContaining(required ?? [])]);
    }
    return events.splice(0);
  };
  const visit = async (): Promise<string> => {
    const { issued } = await app.run((session) => {
      session['cart'] = ['tea'];
    });
    told();
    return issued as string;
  };
  const logout = (token: string): Promise<unknown> => app.run((session) => session.destroy(), token);

  beforeEach(() => {
    clock = new TestClock();
    lines = [];
  });
  afterEach(closeApps);
  afterEach(removeFiles);

  describe('ASVS 16.3.1, BAR 16.x: a session from its creation to its end', () => {
    it('a visit, a login, a new token, a new proof and a logout', async () => {
      await start();
      const visitor = (await app.run((session) => session.save())).issued as string;
      expect(told()).toStrictEqual([{ type: 'session_created', id: idOf(visitor) }]);

      const first = await app.signIn('ada', {}, visitor);
      let [id, previousId] = [idOf(first), idOf(visitor)];
      expect(told()).toStrictEqual([
        { type: 'session_created', id, userId: 'ada' },
        { type: 'session_renewed', id, previousId, userId: 'ada' },
        { type: 'authn_login_success', id, userId: 'ada' },
      ]);

      const second = (await app.run(regenerate, first)).issued as string;
      [id, previousId] = [idOf(second), idOf(first)];
      expect(told()).toStrictEqual([
        { type: 'session_created', id, userId: 'ada' },
        { type: 'session_renewed', id, previousId, userId: 'ada' },
      ]);

      const again = await app.run(async (session, sessions) => {
        await sessions.reauthenticate(session, { level: 2 });
      }, second);
      const third = again.issued as string;
      [id, previousId] = [idOf(third), idOf(second)];
      expect(told()).toStrictEqual([
        { type: 'session_created', id, userId: 'ada' },
        { type: 'session_renewed', id, previousId, userId: 'ada' },
        { type: 'authn_login_success', id, userId: 'ada' },
      ]);

      await logout(third);
      expect(told()).toStrictEqual([{ type: 'session_destroyed', id, userId: 'ada' }]);
      expect(lines).toEqual([]);
    });

    it('a logout without a user, and requests that only read', async () => {
      await start();
      const token = await visit();
      await app.run(data, token);
      await app.run(data);
      expect(told()).toStrictEqual([]);
      await logout(token);
      expect(told()).toStrictEqual([{ type: 'session_destroyed', id: idOf(token) }]);
    });

    it('sessions that are ended from elsewhere: one, the others, all of everybody', async () => {
      await start();
      const [one, two, kept] = [await app.signIn(), await app.signIn(), await app.signIn()];
      told();
      await app.sessions.destroyById('ada', idOf(one));
      expect(told()).toStrictEqual([{ type: 'session_destroyed', id: idOf(one), userId: 'ada' }]);
      await app.sessions.destroyAll('ada', { except: idOf(kept) });
      expect(told()).toStrictEqual([{ type: 'session_destroyed', id: idOf(two), userId: 'ada' }]);
      await app.sessions.destroyById('bob', idOf(kept));
      expect(told()).toStrictEqual([]);
      await app.sessions.clear();
      expect(told()).toStrictEqual([{ type: 'sessions_cleared' }]);
      expect(lines).toEqual(['sessions_cleared']);
    });

    const LIMITS = [
      ['idle', { idleTimeout: '10m', absoluteTimeout: '1h' }],
      ['absolute', { idleTimeout: '10m', absoluteTimeout: '10m' }],
    ] as const;
    const STORES: [string, () => AtomicSessionStore][] = [
      ['memory', () => new MemoryStore()],
      ['SQLite', () => new SqliteStore({ database: openDatabase() })],
      ['a store whose own expiry is late', () => new LateStore()],
    ];
    it.each(STORES.flatMap(([name, make]) => LIMITS.map(([limit, options]) => [limit, name, make, options] as const)))(
      'the end by the %s limit, at the first use after it, with %s',
      async (limit, _name, make, options) => {
        await start({ store: make(), ...options });
        const [visitor, ada] = [await visit(), await app.signIn()];
        told();
        clock.advance('10m');
        await app.run(data, visitor);
        expect(told()).toStrictEqual([{ type: 'session_expired', id: idOf(visitor), limit, reason }]);
        await app.run(data, ada);
        expect(told()).toStrictEqual([{ type: 'session_expired', id: idOf(ada), userId: 'ada', limit, reason }]);
      },
    );

    it('an expired session is told of when its token comes, not when it is listed', async () => {
      await start({ idleTimeout: '10m' });
      const ada = await app.signIn();
      clock.advance('10m');
      told();
      expect(await app.sessions.list('ada')).toEqual([]);
      expect(told()).toEqual([]);
      await app.run(data, ada);
      expect(told()).toStrictEqual([{ type: 'session_expired', id: idOf(ada), userId: 'ada', limit: 'idle', reason }]);
    });

    it('a session that the store has dropped since it expired is unknown', async () => {
      await start();
      const token = await visit();
      clock.advance('1d');
      await app.run(data, token);
      told();
      await app.run(data, token);
      expect(told()).toStrictEqual([{ type: 'token_unknown', id: idOf(token) }]);
    });

    it('uses after a logout, after a new token, and of a token that never was', async () => {
      await start({ store: new LateStore() });
      const [left, old] = [await app.signIn(), await app.signIn()];
      await logout(left);
      await app.run(regenerate, old);
      told();
      await app.run(data, left);
      expect(told()).toStrictEqual([{ type: 'token_unknown', id: idOf(left) }]);
      await app.run(data, old);
      expect(told()).toStrictEqual([{ type: 'token_rotated', id: idOf(old) }]);
      clock.advance(MINUTE);
      await app.run(data, old);
      expect(told()).toStrictEqual([{ type: 'token_unknown', id: idOf(old) }]);
      const invented = 'A'.repeat(43);
      await app.run(data, invented);
      expect(told()).toStrictEqual([{ type: 'token_unknown', id: idOf(invented) }]);
    });

    it('ASVS 7.1.2: too many sessions of a user: the oldest is evicted', async () => {
      await start({ maxPerUser: 1 });
      const oldest = await app.signIn();
      told();
      const id = idOf(await app.signIn());
      expect(told()).toStrictEqual([
        { type: 'session_evicted', id: idOf(oldest), userId: 'ada', reason },
        { type: 'session_created', id, userId: 'ada' },
        { type: 'authn_login_success', id, userId: 'ada' },
      ]);
      expect(lines).toEqual([expect.stringMatching(/^session_evicted id=[\w-]{43} userId=ada reason="[^"]+"$/)]);
    });

    it('ASVS 7.1.2: too many sessions of a user: the login is rejected', async () => {
      await start({ maxPerUser: 1, onMaxPerUser: 'reject' });
      await app.signIn();
      told();
      expect((await app.run(login('ada'))).status).toBe(403);
      expect(told()).toStrictEqual([{ type: 'authn_login_fail', userId: 'ada', reason }]);
      expect(lines).toEqual([expect.stringMatching(/^authn_login_fail userId=ada reason="[^"]+"$/)]);
    });
  });

  it('ASVS 16.3.1: a login that the store fails is a failed login', async () => {
    const store = new ProbedStore();
    await start({ store });
    store.before = (operation) => {
      if (operation === 'users.add') throw new Error('down');
    };
    expect((await app.run(login('ada'))).status).toBe(503);
    expect(told()).toStrictEqual([
      { type: 'store_failed', operation: 'users.add', reason: 'down' },
      { type: 'store_recovered', operation: 'users.remove' },
      { type: 'authn_login_fail', userId: 'ada', reason },
    ]);
  });

  describe('ASVS 16.3.2: a guard that refuses', () => {
    const ask = (handler: string, token?: string) =>
      call(app.running.url, `/guarded/${handler}`, { headers: token === undefined ? {} : app.carrier.send(token) });
    const refused = (handler: string, who: object = {}): object[] => [
      { type: 'authz_fail', ...who, resource: `GuardedController.${handler}`, reason },
    ];

    it('tells what was asked for, and by whom', async () => {
      await start();
      expect((await ask('session')).status).toBe(401);
      expect(told()).toStrictEqual(refused('session'));
      const visitor = await visit();
      expect((await ask('login', visitor)).status).toBe(401);
      expect(told()).toStrictEqual(refused('login', { id: idOf(visitor) }));
      const token = await app.signIn();
      const who = { id: idOf(token), userId: 'ada' };
      told();
      expect((await ask('level', token)).status).toBe(401);
      expect(told()).toStrictEqual(refused('level', who));
      clock.advance('10m');
      expect((await ask('recent', token)).status).toBe(401);
      expect(told()).toStrictEqual(refused('recent', who));
      expect(lines).toEqual([
        expect.stringMatching(/^authz_fail resource=GuardedController\.session reason="[^"]+"$/),
        expect.stringMatching(
          /^authz_fail id=\S{43} userId=ada resource=\S+ reason="[^"]+" \(2 more since the last line\)$/,
        ),
      ]);
    });

    it('tells nothing when it lets through', async () => {
      await start();
      const token = await app.signIn('ada', { level: 2 });
      told();
      for (const handler of ['session', 'login', 'level', 'recent']) {
        expect((await ask(handler, token)).status).toBe(200);
      }
      expect(told()).toStrictEqual([]);
    });

    it('ASVS 16.5.3: a store that fails is no refusal, and lets nobody through', async () => {
      const store = new ProbedStore();
      await start({ store });
      const token = await app.signIn();
      told();
      store.before = () => {
        throw new Error('down');
      };
      expect((await ask('login', token)).status).toBe(503);
      expect(told()).toStrictEqual([{ type: 'store_failed', operation: 'load', reason: 'down' }]);
    });
  });

  describe('ASVS 16.3.3: attempts to get around', () => {
    it('a token that is none', async () => {
      await start();
      await app.run(data, 'x'.repeat(42));
      expect(told()).toStrictEqual([{ type: 'input_validation_fail', transport: HEADER.name }]);
      expect(lines).toEqual(['input_validation_fail transport="header X-Auth-Token"']);
    });

    it('ASVS 3.5.1: a request of another site, once for each', async () => {
      await start({}, COOKIE);
      const token = await app.signIn();
      told();
      expect((await app.run(data, token, CROSS_SITE)).status).toBe(403);
      expect(told()).toStrictEqual([{ type: 'malicious_cors', reason }]);
      expect((await app.run(login('ada'), undefined, CROSS_SITE)).status).toBe(403);
      expect(told()).toStrictEqual([{ type: 'malicious_cors', reason }]);
    });

    it('a change after the session has ended', async () => {
      await start();
      const token = await app.signIn();
      told();
      const late = await app.run(async (session, sessions) => {
        await sessions.destroyAll('ada');
        session['cart'] = [];
      }, token);
      expect(late.status).toBe(401);
      expect(told()).toStrictEqual([
        { type: 'session_destroyed', id: idOf(token), userId: 'ada' },
        { type: 'write_refused', id: idOf(token), reason },
      ]);
    });
  });

  it('ASVS 16.3.4, 16.5.1, 16.5.2: a store that fails and recovers; the client is told no detail', async () => {
    const store = new ProbedStore();
    await start({ store });
    const token = await app.signIn();
    told();
    store.before = () => {
      throw new Error('connect ECONNREFUSED 10.0.0.7:6379');
    };
    const answer = await app.run(data, token);
    expect([answer.status, answer.text.includes('10.0.0.7')]).toEqual([503, false]);
    store.before = undefined;
    expect((await app.run(data, token)).status).toBe(201);
    expect(told()).toStrictEqual([
      { type: 'store_failed', operation: 'load', reason: 'connect ECONNREFUSED 10.0.0.7:6379' },
      { type: 'store_recovered', operation: 'load' },
    ]);
  });

  describe('ASVS 16.4.1, H21: what comes from outside can not forge a line', () => {
    const FORGED = 'x" \r\nerror store_failed id=forged\u001b[2J\u009b31m\u007f\u0085\u2028\u2029\u202e\u2066';
    const hostile = FORGED.replaceAll('"', '');
    /** One line that is all printable, and in which nothing outside of quotes was forged. */
    const checkLine = (type: string): void => {
      expect(lines).toHaveLength(1);
      const [line = ''] = lines;
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(line).toContain('forged');
      expect(line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')).toMatch(new RegExp(`^${type}(?: \\w+=(?:""|[\\w.-]+))+$`));
      lines.length = 0;
    };

    it.each([
      ['double quotes', FORGED],
      ['none', hostile],
    ])('a user id, with quotes: %s', async (_name, userId) => {
      await start({ maxPerUser: 1, onMaxPerUser: 'reject' });
      await app.signIn(userId);
      await app.run(login(userId));
      checkLine('authn_login_fail');
      await closeApps();
      await start({ maxPerUser: 1 });
      await app.signIn(userId);
      await app.signIn(userId);
      checkLine('session_evicted');
      await call(app.running.url, '/guarded/level', { token: await app.signIn(userId) });
      checkLine('authz_fail');
    });

    it("a store's error, a key of the data, the name of a transport", async () => {
      const store = new ProbedStore();
      await start({ store, transport: { ...HEADER.transport(), name: FORGED } });
      await app.run((session) => {
        session[FORGED] = 1n;
      });
      checkLine('data_refused');
      await app.run(data, 'no token');
      checkLine('input_validation_fail');
      const token = await visit();
      store.before = () => {
        throw new Error(FORGED);
      };
      await app.run(data, token);
      checkLine('store_failed');
    });

    it('headers: a token, an origin and a user agent are in no line', async () => {
      const bytes = 'forged\u009b31m\u0085\u00ad';
      await start({ captureDevice: true }, COOKIE);
      const token = await app.signIn();
      lines.length = 0;
      await app.run(data, bytes, { 'User-Agent': bytes });
      await app.run(data, token, { 'Sec-Fetch-Site': 'cross-site', Origin: bytes });
      expect(lines).toEqual([
        'input_validation_fail transport=cookie',
        expect.stringMatching(/^malicious_cors [ -~]+$/),
      ]);
      expect(lines.join()).not.toContain('forged');
    });
  });

  it('ASVS 16.2.5, 16.3.3: of 50 requests with bad tokens there is one line, and all are told to subscribers', async () => {
    const line = 'input_validation_fail transport="header X-Auth-Token"';
    await start();
    const ask = (n: number) => call(app.running.url, '/guarded/session', { token: `secret-${String(n)}` });
    await Promise.all(Array.from({ length: 50 }, (_, n) => ask(n)));
    expect(lines).toEqual([line, expect.stringMatching(/^authz_fail resource=/)]);
    clock.advance(MINUTE);
    await app.run(data, 'secret');
    expect(lines.at(-1)).toBe(`${line} (49 more since the last line)`);
    const all = told();
    expect(all).toHaveLength(101);
    expect(JSON.stringify([lines, all])).not.toContain('secret');
  });
});
