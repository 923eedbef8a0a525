import { RedisStore } from 'nestjs-token-session/redis';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { describeAtomicStore } from '../../support/store-rules.js';
import type { OpenStore } from '../../support/store-rules-subject.js';

let server: RedisServer;
let opened = 0;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(closeClients);
afterAll(stopServers);

for (const { name, connect } of CLIENTS) {
  const open: OpenStore = async (now) => {
    const { client } = await connect(server.url);
    // Each test has keys of its own.
    const store = new RedisStore({ client, prefix: `test${++opened}:` });
    store.attach({ now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
    return store;
  };
  describeAtomicStore(`sessions in Redis, ${name}`, open, { describe, it }, { resends: true });
}
