import { inspect } from 'node:util';
import { RedisStore } from 'nestjs-token-session/redis';
import { createClient } from 'redis';
import { closeApps } from '../support/app.js';
import { closeClients } from '../support/redis/clients.js';
import { PLACES } from '../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { MARKER, QuotingApp } from './support/quoting-app.js';

const PASSWORD = 'PASSWORD-MARKER-7f3a91';

let withoutSet: RedisServer;
let withoutScripts: RedisServer;

beforeAll(async () => {
  withoutSet = await RedisServer.start({ args: ['--rename-command', 'SET', 'hidden'] });
  withoutScripts = await RedisServer.start({ args: ['--rename-command', 'EVALSHA', 'hidden'] });
});
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);
failOnUnhandledRejections();

describe.each(PLACES)('$name on $platform', ({ platform, family, connect }) => {
  it('ASVS 16.2.5: what Redis quotes of a command that it does not know is in no event, line or error', async () => {
    const { client } = await connect(withoutSet.url);
    const app = await QuotingApp.start(platform, { store: new RedisStore({ client }) });
    // What would be told if nothing was cut.
    await expect(client.set('key', MARKER)).rejects.toThrow(MARKER);

    expect((await app.write()).status).toBe(503);
    expect(app.reasons('store_failed')).toEqual([asSent("ERR unknown command 'SET'")]);
    expect(app.lines).toContainEqual(expect.stringMatching(/^store_failed/));
    expect(app.errors).toMatchObject([
      { code: 'STORE_UNAVAILABLE', cause: { message: asSent("ERR unknown command 'SET'") } },
    ]);
    expect(app.told()).not.toMatch(MARKER);
    expect(app.told()).not.toMatch(/args beginning/);
  });

  it('ASVS 16.2.5: what a driver hangs on its error is in no event, line or error', async () => {
    const { client } = await connect(withoutScripts.url);
    const app = await QuotingApp.start(platform, { store: new RedisStore({ client }) });
    if ('call' in client) {
      // What would be shown if nothing was cut: these drivers keep the whole command, however long.
      const failed = client.call('evalsha', ['x'.repeat(200), 0, MARKER]).catch((error: unknown) => inspect(error));
      expect([family, await failed]).toEqual(['ioredis', expect.stringContaining(MARKER)]);
    }

    const { token } = await app.write();
    expect((await app.write(token)).status).toBe(503);
    expect(app.reasons('store_failed')).toEqual([asSent("ERR unknown command 'EVALSHA'")]);
    expect(app.errors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
    expect(app.told()).not.toMatch(MARKER);
    expect(app.told()).not.toMatch(/args beginning/);
  });

  /** Servers give the name of a command as it was sent. */
  function asSent(text: string): string {
    return family === 'ioredis' ? text.replace(/'(\w+)'/, (name) => name.toLowerCase()) : text;
  }
});

it('ASVS 16.2.5: the password that a server without HELLO quotes is in no event, line or error', async () => {
  const server = await RedisServer.start({ args: ['--rename-command', 'HELLO', 'hidden'] });
  const errors: unknown[] = [];
  const client = createClient({ url: server.url, password: PASSWORD, RESP: 3 });
  client.on('error', (error) => errors.push(error));
  const app = await QuotingApp.start('fastify', { store: new RedisStore({ client }), storeTimeout: '1s' });
  const connecting = client.connect().catch(() => undefined);
  expect((await app.write()).status).toBe(503);
  client.destroy();
  await connecting;

  // What would be told if nothing was cut.
  expect(inspect(errors)).toMatch(PASSWORD);
  expect(new Set(app.reasons('store_failed'))).toEqual(
    new Set(["no connection to Redis: ERR unknown command 'HELLO'"]),
  );
  expect(app.told()).not.toMatch(PASSWORD);
});
