import type { UserIndex } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { describeUserIndex } from '../../support/user-index-rules.js';

let server: RedisServer;
let opened = 0;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  await closeClients();
  await stopServers();
});

for (const { name, connect } of CLIENTS) {
  const open = async (now: () => number): Promise<UserIndex> => {
    const { client } = await connect(server.url);
    // Each test has keys of its own.
    const store = new RedisStore({ client, prefix: `test${String(++opened)}:` });
    store.attach({ now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
    return store.users;
  };
  describeUserIndex(`the index in Redis, ${name}`, open, { describe, it });
}
