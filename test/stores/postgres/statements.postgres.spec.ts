import { Controller, Get, Post } from '@nestjs/common';
import { Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { TestClock } from '../../support/clock.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

/** Well-formed, and of no session. */
const UNKNOWN = 'A'.repeat(43);

/** What a statement is, by its text on the server. */
const KINDS: [string, RegExp][] = [
  ['load', /^SELECT .*\bpayload\b/s],
  ['create', /^INSERT INTO/],
  ['update', /^UPDATE .* SET payload/s],
  ['touch', /^UPDATE .* SET used_at = CASE/s],
  ['destroy', /^DELETE FROM "public"\."token_session" /],
  ['list', /^SELECT .*\bsettled, replaces FROM/s],
  ['add', /_user_add"\(/],
  ['settle', /_user_settle"\(/],
  ['revoke', /_user_revoke"\(/],
  ['remove', /_user_remove"\(/],
];

@Controller()
class CostController {
  constructor(private readonly sessions: SessionService) {}

  @Get('plain') plain(): string {
    return 'plain';
  }

  @Get('read') read(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('change') change(@Session() sess: Session<Data>): void {
    sess['count'] = ((sess['count'] as number | undefined) ?? 0) + 1;
  }

  @Post('update') update(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.update(sess, (draft) => (draft['count'] = 7));
  }

  @Post('destroy') destroy(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('regenerate') async regenerate(@Session() sess: Session<Data>): Promise<void> {
    await this.sessions.regenerate(sess);
  }

  @Post('login') async login(@Session() sess: Session<Data>): Promise<void> {
    await this.sessions.login(sess, 'ada');
  }

  @Get('list') async list(): Promise<number> {
    return (await this.sessions.list('ada')).length;
  }

  @Post('logout-everywhere') async logoutEverywhere(): Promise<void> {
    await this.sessions.destroyAll('ada');
  }
}

let server: PostgresServer;
let database: Address;

beforeAll(async () => {
  server = await PostgresServer.start();
  database = await server.createDatabase();
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

describe.each(PLATFORMS)('section 5: statements by the count of the server, on %s', (platform) => {
  let url: string;

  async function begin(session: SessionOptions = {}): Promise<void> {
    // One connection: what runs beside an answer is done before the next statement.
    const store = new PostgresStore({ pool: poolOf(database, { max: 1 }) });
    await store.migrate();
    await store.clear();
    ({ url } = await startApp(platform, { controllers: [CostController], session: { store, ...session } }));
  }

  async function tokenOf(path: string): Promise<string> {
    return (await call(url, `/${path}`, { method: 'POST' })).token as string;
  }

  /** What the server ran meanwhile, each kind as often as it did: nothing else, no BEGIN and no COMMIT. */
  async function statementsDuring(act: () => Promise<unknown>): Promise<string[]> {
    await server.resetStatements(database.database);
    await act();
    // What runs beside the answer has been sent by now; this is answered after it.
    await call(url, '/read', { token: UNKNOWN });
    const ran = (await server.statements(database.database)).flatMap(({ text, calls }) => {
      // Beside the answers, one for all that ended meanwhile: see endings.postgres.spec.ts.
      if (text.includes('pg_notify')) return [];
      const kind = KINDS.find(([, pattern]) => pattern.test(text))?.[0] ?? text;
      return Array.from({ length: calls }, () => kind);
    });
    ran.splice(ran.indexOf('load'), 1);
    const order = KINDS.map(([kind]) => kind);
    return ran.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  }

  function cost(method: 'GET' | 'POST', path: string, token?: string): Promise<string[]> {
    return statementsDuring(async () => {
      expect((await call(url, `/${path}`, { method, token })).status).toBeLessThan(300);
    });
  }

  it('no token: 0; one that is malformed: 0; nothing to end: 0', async () => {
    await begin();
    expect(await cost('GET', 'plain')).toEqual([]);
    expect(await cost('GET', 'read')).toEqual([]);
    expect(await cost('GET', 'read', '../../etc/passwd')).toEqual([]);
    expect(await cost('POST', 'destroy')).toEqual([]);
  });

  it('read: 1; also by a token that names nothing, and by a route that does not look', async () => {
    await begin();
    const token = await tokenOf('change');
    expect(await cost('GET', 'read', token)).toEqual(['load']);
    expect(await cost('GET', 'read', UNKNOWN)).toEqual(['load']);
    expect(await cost('GET', 'plain', token)).toEqual(['load']);
  });

  it('new: 1; changed: 2; destroyed: 2; regenerated: 3', async () => {
    await begin();
    expect(await cost('POST', 'change')).toEqual(['create']);
    const token = await tokenOf('change');
    expect(await cost('POST', 'change', token)).toEqual(['load', 'update']);
    expect(await cost('POST', 'update', token)).toEqual(['load', 'update']);
    expect(await cost('POST', 'destroy', token)).toEqual(['load', 'destroy']);
    expect(await cost('POST', 'regenerate', await tokenOf('change'))).toEqual(['load', 'create', 'update']);
  });

  it('touch: 0 for a tenth of the idle timeout, then 1; amortised: 10 in the 60 requests of half an hour', async () => {
    const clock = new TestClock();
    await begin({ clock: clock.now });
    const token = await tokenOf('change');
    clock.advance(3 * MINUTE - 1);
    expect(await cost('GET', 'read', token)).toEqual(['load']);
    clock.advance(1);
    expect(await cost('GET', 'read', token)).toEqual(['load', 'touch']);
    expect(await cost('GET', 'read', token)).toEqual(['load']);
    const ran = await statementsDuring(async () => {
      for (let request = 0; request < 60; request++) {
        clock.advance(MINUTE / 2);
        await call(url, '/read', { token });
      }
    });
    expect(ran.filter((kind) => kind === 'touch')).toHaveLength(10);
    expect(ran).toHaveLength(70);
  });

  it('users: login 3, 5 with a session; logout 3; list of 1: 2; logout everywhere of 3: 5', async () => {
    await begin();
    const anonymous = await tokenOf('change');
    const signedIn = await tokenOf('login');
    const costs = {
      'login without a session': await cost('POST', 'login'),
      'login in the place of an anonymous session': await cost('POST', 'login', anonymous),
      'login once more': await cost('POST', 'login', signedIn),
    };
    await call(url, '/logout-everywhere', { method: 'POST' });
    const token = await tokenOf('login');
    expect({
      ...costs,
      read: await cost('GET', 'read', token),
      changed: await cost('POST', 'change', token),
      'list of 1': await cost('GET', 'list'),
      logout: await cost('POST', 'destroy', token),
      'logout everywhere of 3': await logoutOf(3),
      'logout everywhere of none': await cost('POST', 'logout-everywhere'),
    }).toEqual({
      'login without a session': ['create', 'add', 'settle'],
      'login in the place of an anonymous session': ['load', 'create', 'update', 'add', 'settle'],
      'login once more': ['load', 'create', 'update', 'add', 'settle'],
      read: ['load'],
      changed: ['load', 'update'],
      'list of 1': ['load', 'list'],
      logout: ['load', 'destroy', 'remove'],
      'logout everywhere of 3': ['destroy', 'destroy', 'destroy', 'revoke', 'remove'],
      'logout everywhere of none': ['revoke'],
    });
  });

  async function logoutOf(sessions: number): Promise<string[]> {
    for (let number = 0; number < sessions; number++) await tokenOf('login');
    return cost('POST', 'logout-everywhere');
  }
});
