import { closeApps } from '../../support/app.js';
import { answered, CLEARED, DONE, RENEWED, type Flight, type OperationName, type Seen } from '../../support/flight.js';
import { closeClients } from '../../support/redis/clients.js';
import { PLACES, startFlight, UNAVAILABLE, UNKNOWN } from '../../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

interface Case {
  readonly operation: OperationName;
  /** The client's session; ada's or nobody's, or none. */
  readonly of: 'ada' | 'nobody' | 'none';
  /** The commands of the request; nobody waits for the last `unawaited` of them. */
  readonly commands: number;
  readonly unawaited?: number;
  readonly success: Seen;
}

const CASES: Case[] = [
  { operation: 'shop', of: 'none', commands: 1, success: RENEWED },
  { operation: 'write', of: 'nobody', commands: 2, success: DONE },
  { operation: 'logout', of: 'nobody', commands: 2, success: CLEARED },
  { operation: 'logout', of: 'ada', commands: 3, unawaited: 1, success: CLEARED },
  { operation: 'regenerate', of: 'nobody', commands: 3, success: RENEWED },
  { operation: 'regenerate', of: 'ada', commands: 5, success: RENEWED },
  { operation: 'login', of: 'none', commands: 3, success: RENEWED },
  { operation: 'login', of: 'nobody', commands: 5, success: RENEWED },
  { operation: 'login', of: 'ada', commands: 5, success: RENEWED },
  { operation: 'destroy-all', of: 'ada', commands: 4, success: answered(expect.any(Number)) },
];

let server: RedisServer;
let proxy: TcpProxy;
let flight: Flight;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  proxy = await TcpProxy.start(server);
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  closeProxies();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

/** Loses the reply to one of the next commands of the store; resolves with the command. */
function loseReply(index: number): Promise<string> {
  let seen = 0;
  return proxy.loseNextReply((text) => /^(GET|SET|EVAL|EVALSHA|UNLINK) /.test(text) && seen++ === index);
}

describe.each(PLACES)('F70: a lost reply, $name on $platform', ({ family, platform, connect }) => {
  it.each(CASES)('in the middle of $operation (session of $of)', async ({ operation, of, commands, ...plan }) => {
    const { client } = await connect(proxy.url);
    flight = await startFlight(platform, client, { storeTimeout: '5s' });
    // The server knows all scripts: one command each.
    await flight.run('regenerate', await flight.signIn(await flight.signIn()));
    await flight.sessions.destroyAll('ada');
    await flight.run('logout', await flight.run('regenerate', await flight.visit()).then(({ token }) => token));
    await flight.run('write', await flight.visit());
    for (let index = 0; index < commands; index++) {
      const told = `command ${String(index)}`;
      await flight.sessions.clear();
      const token = of === 'none' ? undefined : of === 'ada' ? await flight.signIn() : await flight.visit();

      const lost = loseReply(index);
      const answer = await flight.run(operation, token);
      const text = await lost;
      const isAside = index >= commands - (plan.unawaited ?? 0);
      const isRead = text.startsWith('GET ');
      const refusal = isRead ? UNAVAILABLE : UNKNOWN;
      // ioredis and iovalkey send it again, and learn what came of it; node-redis rejects it.
      const succeeds = family === 'ioredis' || isAside;
      expect([told, answer]).toEqual([told, succeeds ? plan.success : refusal]);

      await until('a connection', async () => (await flight.run('read', token)).status === 201);
      const tokens = [token, answer.token].filter((each) => each !== undefined && each !== '');
      // Whoever has ada's sessions has their tokens.
      await until('no session without an owner', async () => {
        const owned = await Promise.all(tokens.map(async (each) => (await flight.sessions.load(each as string))?.id));
        return (await flight.sessions.list('ada')).every(({ id }) => owned.includes(id));
      });
      if (of === 'none') await until('no more', async () => (await flight.sessions.count()) === tokens.length);
      if (succeeds && answer.token !== undefined) expect(await flight.dataOf(token)).toBeUndefined();
      if (operation === 'write') {
        expect(await flight.dataOf(token)).toEqual({ cart: 'full', ...((succeeds || !isRead) && { written: true }) });
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
