import type { Pool } from 'pg';
import { closeApps } from '../../support/app.js';
import { UNAVAILABLE, UNKNOWN } from '../../support/faults-app.js';
import { answered, CLEARED, DONE, RENEWED, type OperationName, type Seen } from '../../support/flight.js';
import { PLATFORMS, type Platform } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresFlight } from '../../support/postgres/postgres-app.js';
import { closeProxies, PostgresProxy } from '../../support/postgres/postgres-proxy.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

interface Case {
  readonly operation: OperationName;
  /** The client's session; ada's or nobody's, or none. */
  readonly of: 'ada' | 'nobody' | 'none';
  /** The statements of the request; nobody waits for the last `unawaited` of them. */
  readonly statements: number;
  readonly unawaited?: number;
  readonly success: Seen;
}

const CASES: Case[] = [
  { operation: 'shop', of: 'none', statements: 1, success: RENEWED },
  { operation: 'write', of: 'nobody', statements: 2, success: DONE },
  { operation: 'update', of: 'nobody', statements: 2, success: DONE },
  { operation: 'logout', of: 'nobody', statements: 2, success: CLEARED },
  { operation: 'logout', of: 'ada', statements: 3, unawaited: 1, success: CLEARED },
  { operation: 'regenerate', of: 'nobody', statements: 3, success: RENEWED },
  { operation: 'regenerate', of: 'ada', statements: 5, success: RENEWED },
  { operation: 'login', of: 'none', statements: 3, success: RENEWED },
  { operation: 'login', of: 'nobody', statements: 5, success: RENEWED },
  { operation: 'login', of: 'ada', statements: 5, success: RENEWED },
  { operation: 'destroy-all', of: 'ada', statements: 4, success: answered(expect.any(Number)) },
];

let server: PostgresServer;
let address: Address;
let proxy: PostgresProxy;
let pool: Pool;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
  address = await server.createDatabase();
  await migrate(address);
  proxy = await PostgresProxy.start(server);
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(async () => {
  closeProxies();
  await stopServers();
});

/** Loses the reply to one of the next statements of the store; resolves with its text. */
function loseReply(index: number): Promise<string> {
  let seen = 0;
  return proxy.loseNextReply((text) => text.includes('token_session') && seen++ === index);
}

/** What a platform does has nothing to do with it: each case on one. */
const PLACES = CASES.map((each, index) => ({ ...each, platform: PLATFORMS[index % 2] as Platform }));

describe('F70: a lost reply', () => {
  it.each(PLACES)('in the middle of $operation (session of $of), on $platform', async ({ platform, ...plan }) => {
    const { operation, of, statements } = plan;
    pool = barePool(proxy.before(address));
    const flight = await startPostgresFlight(platform, pool, { storeTimeout: '5s' });
    for (let index = 0; index < statements; index++) {
      const told = `statement ${String(index)}`;
      await flight.sessions.clear();
      const token = of === 'none' ? undefined : of === 'ada' ? await flight.signIn() : await flight.visit();

      const lost = loseReply(index);
      const answer = await flight.run(operation, token);
      const text = await lost;
      const succeeds = index >= statements - (plan.unawaited ?? 0);
      const isRead = text.startsWith('SELECT pg_is_in_recovery') || text.includes('SELECT id, settled');
      expect([told, text, answer]).toEqual([told, text, succeeds ? plan.success : isRead ? UNAVAILABLE : UNKNOWN]);

      expect(await flight.run('read', token)).toMatchObject({ status: 201 });
      const tokens = [token, answer.token].filter((each) => each !== undefined && each !== '');
      // Whoever has ada's sessions has their tokens.
      await until('no session without an owner', async () => {
        const owned = await Promise.all(tokens.map(async (each) => (await flight.sessions.load(each as string))?.id));
        return (await flight.sessions.list('ada')).every(({ id }) => owned.includes(id));
      });
      if (of === 'none') await until('no more', async () => (await flight.sessions.count()) === tokens.length);
      if (succeeds && answer.token !== undefined) expect(await flight.dataOf(token)).toBeUndefined();
      if (operation === 'write' || operation === 'update') {
        expect(await flight.dataOf(token)).toEqual({ cart: 'full', ...(!isRead && { written: true }) });
      }

      // Once more, as a client would.
      const opened = await flight.dataOf(token);
      const again = await flight.run(operation, token);
      if (operation === 'logout' || operation === 'destroy-all') {
        expect([told, again.status]).toEqual([told, 201]);
        expect([told, await flight.dataOf(token)]).toEqual([told, undefined]);
      } else if (!succeeds && (opened !== undefined || operation !== 'regenerate')) {
        expect([told, again]).toEqual([told, plan.success]);
        expect(await flight.dataOf(again.token ?? token)).toBeDefined();
      }
    }
  });
});
