import { createHash } from 'node:crypto';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { PLATFORMS, type Platform } from '../support/platforms.js';
import { CLIENTS, closeClients } from '../support/redis/clients.js';
import { commandsDuring } from '../support/redis/counting.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { data, regenerate, ScriptedApp, type Script } from '../support/scripted.js';

const begin: Script = (session) => void (session['cart'] = 'full');
const sha256 = (token: string): string => createHash('sha256').update(token).digest('base64url');

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => server.ask('FLUSHALL'));
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);

/** Each driver once, on alternating platforms. */
const PLACES = CLIENTS.map(
  (client, index) => [client.name, PLATFORMS[index % PLATFORMS.length] as Platform, client] as const,
);

describe.each(PLACES)('sessions in Redis by %s, on %s', (_name, platform, { connect }) => {
  const start = async (): Promise<ScriptedApp> => {
    const { client } = await connect(server.url);
    return ScriptedApp.start(platform, { store: new RedisStore({ client }) });
  };

  describe('CVE-2019-16782: Rack and Rails: ids were looked up as they are, so that time told how near one was', () => {
    it('CVE-2019-16782: no command holds a token', async () => {
      const app = await start();
      const tokens: string[] = [];
      const commands = await commandsDuring(server, async () => {
        tokens.push((await app.run(begin)).issued as string);
        tokens.push((await app.run(regenerate, tokens[0])).issued as string);
        tokens.push(await app.signIn('ada', { keep: ['cart'] }, tokens[1]));
        await app.run((session) => session.touch(), tokens[2]);
        await app.run(begin, tokens[2]);
        await app.run((session) => session.destroy(), tokens[2]);
        await app.run(data, tokens[0]);
      });
      const all = commands.flat().join('\n');
      for (const token of tokens) {
        expect(all).toContain(sha256(token));
        expect(all).not.toContain(token);
      }
      expect((await app.run(data, sha256(await app.signIn()))).result).toEqual({});
    });
  });

  describe('CVE-2025-46336: Rack: a slow request brought a session back after the logout', () => {
    it('CVE-2025-46336: not by another process either', async () => {
      const [one, two] = [await start(), await start()];
      const token = (await one.run(begin)).issued as string;
      const loaded = new Barrier();
      const slow = one.run(async (session) => {
        session['cart'] = 'fuller';
        await loaded.pass();
      }, token);
      await loaded.arrived;
      expect((await two.run((session) => session.destroy(), token)).status).toBe(201);
      loaded.open();
      expect(await slow).toMatchObject({ status: 401, code: 'SESSION_ENDED' });
      expect([await one.opening(token), await two.opening(token)]).toEqual([[false], [false]]);
    });
  });
});
