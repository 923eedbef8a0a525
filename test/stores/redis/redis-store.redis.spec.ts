import { RedisStore } from 'nestjs-token-session/redis';
import { describeSessionStore, type OpenStore } from 'nestjs-token-session/testing';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(closeClients);
afterAll(stopServers);

for (const { name, connect } of CLIENTS) {
  const open: OpenStore = async ({ key }) => {
    const { client } = await connect(server.url);
    return new RedisStore({ client, prefix: `${key}:` });
  };
  const capabilities = { resends: true, reopen: open, expiresByItself: true, users: true, count: true, clear: true };
  describeSessionStore(`Redis, ${name}`, open, capabilities, { describe, it });
}
