import { Controller, Get, Post } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { PLATFORMS } from '../../support/platforms.js';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { countCommands } from '../../support/redis/counting.js';
import { channelsThrough, NEVER } from '../../support/redis/near-node.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { closeProxies, TcpProxy } from '../../support/redis/tcp-proxy.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

type Data = Record<string, unknown>;

@Controller()
class AccountController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data')
  data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('login')
  async login(@Session() sess: Session<Data>): Promise<void> {
    const renewed = await this.sessions.login(sess, 'ada');
    renewed['user'] = 'ada';
  }

  @Post('logout')
  logout(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('logout-everywhere')
  async logoutEverywhere(): Promise<void> {
    await this.sessions.destroyAll('ada');
  }

  @Post('count')
  async count(@Session() sess: Session<Data>): Promise<void> {
    await this.sessions.update(sess, (draft) => (draft['count'] = Number(draft['count'] ?? 0) + 1));
  }
}

let server: RedisServer;
let apps = 0;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  closeProxies();
});
afterAll(stopServers);

async function dataOf(url: string, token: string): Promise<unknown> {
  const answer = await call(url, '/data', { token });
  expect(answer.status).toBe(200);
  return answer.json();
}

describe.each(PLATFORMS)('two nodes of an application on %s', (platform) => {
  // Drivers and platforms have nothing to do with each other: one driver of each family, here.
  const clients = CLIENTS.filter(({ name }) => name === 'node-redis 6' || name === 'ioredis 6');
  describe.each(clients)('with near caches, $name', ({ connect }) => {
    const prefix = `app${++apps}:`;

    async function startNode(maxStaleness: number | string, channel?: { port: number }): Promise<string> {
      const connected = await connect(server.url);
      if (channel !== undefined) channelsThrough(connected, channel);
      const store = new RedisStore({ client: connected.client, prefix, nearCache: { maxStaleness } });
      return (await startApp(platform, { controllers: [AccountController], session: { store } })).url;
    }

    async function signIn(url: string): Promise<string> {
      return (await call(url, '/login', { method: 'POST' })).token as string;
    }

    /** Resolves when a node answers without asking the server. */
    async function isNear(url: string, token: string): Promise<void> {
      await until('an answer without a command', async () => {
        let data: unknown;
        const commands = await countCommands(server, async () => (data = await dataOf(url, token)));
        expect(data).toMatchObject({ user: 'ada' });
        return commands.length === 0;
      });
    }

    it.each(['/logout', '/logout-everywhere'])(
      'law 6, ASVS 7.4.1: after %s on one node the other one refuses as soon as the message is there',
      async (path) => {
        const [a, b] = [await startNode(NEVER), await startNode(NEVER)];
        const token = await signIn(a);
        await Promise.all([isNear(a, token), isNear(b, token)]);
        await call(a, path, { method: 'POST', token });
        expect(await dataOf(a, token)).toEqual({});
        await until('the sign-out', async () => JSON.stringify(await dataOf(b, token)) === '{}');
      },
    );

    it('law 6: and within maxStaleness when no message comes', async () => {
      const channel = await TcpProxy.start(server);
      const [a, b] = [await startNode(NEVER), await startNode(250, channel)];
      const token = await signIn(a);
      await isNear(b, token);
      channel.stall();
      await call(a, '/logout', { method: 'POST', token });
      const signedOutAt = performance.now();
      let lastServedAt = signedOutAt;
      await until('the sign-out', async () => {
        const now = performance.now();
        if (JSON.stringify(await dataOf(b, token)) === '{}') return true;
        lastServedAt = now;
        return false;
      });
      expect(lastServedAt - signedOutAt).toBeLessThan(250);
    });

    it('law 5: increments on both nodes, read near at hand, are all counted', async () => {
      const [a, b] = [await startNode(NEVER), await startNode(NEVER)];
      const token = await signIn(a);
      await Promise.all([isNear(a, token), isNear(b, token)]);
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all([a, b, a, b].map((url) => call(url, '/count', { method: 'POST', token })));
        expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
        await Promise.all([isNear(a, token), isNear(b, token)]);
      }
      expect(await dataOf(a, token)).toEqual({ user: 'ada', count: 12 });
    });
  });
});
