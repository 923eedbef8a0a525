import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RedisStore } from 'nestjs-token-session/redis';
import { idOf } from '../../lib/session-token.js';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { CLIENTS, closeClients } from '../support/redis/clients.js';
import { commandsDuring } from '../support/redis/counting.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { LeakFlows } from './support/leak-flows.js';
import { WAYS, type Way } from './support/ways.js';

/** All that Redis can keep of a command: in its files as it came, and in its log of slow ones, where all are slow. */
const TALKATIVE = [
  ...['--appendonly', 'yes', '--aof-use-rdb-preamble', 'no', '--rdbcompression', 'no'],
  ...['--slowlog-log-slower-than', '0', '--slowlog-max-len', '100000', '--loglevel', 'debug'],
];

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start({ args: TALKATIVE });
});
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);
failOnUnhandledRejections();

/** All files of the server: its data, the commands that led to it, its log. */
async function files(): Promise<Buffer> {
  await server.ask('SAVE');
  const entries = await readdir(server.dir, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Buffer.concat(await Promise.all(names.map((name) => readFile(name))));
}

/** Each driver once, over alternating platforms and ways for the token. */
it.each(CLIENTS.map((client, index) => ({ ...client, index })))(
  'ASVS 11.2.4, CVE-2023-20866: $name: no token is in any key, value, command, channel, log or file of Redis',
  async ({ connect, index }) => {
    await server.ask('FLUSHALL');
    await server.ask('SLOWLOG', 'RESET');
    const { client } = await connect(server.url);
    const platform = PLATFORMS[index % 2] ?? 'express';
    const flows = await LeakFlows.start({ platform, way: WAYS[index] as Way, store: new RedisStore({ client }) });
    const { looking } = flows;
    let token = '';
    const commands = await commandsDuring(server, async () => {
      await flows.everything();
      token = await flows.ask('login');
    });

    looking.hear('MONITOR', commands);
    looking.hear('SLOWLOG', await server.ask('SLOWLOG', 'GET', -1));
    looking.hear('PUBSUB', await server.ask('PUBSUB', 'CHANNELS', '*'));
    looking.hear('CLIENT LIST', await server.ask('CLIENT', 'LIST'));
    const keys = (await server.ask('KEYS', '*')) as string[];
    looking.hear('the keys', keys);
    for (const key of keys) looking.hear(`DUMP ${key.slice(0, 8)}`, await server.ask('DUMP', key));
    const kept = await files();
    looking.hear('the files', kept);

    // What would be seen if it were there.
    const id = idOf(token);
    const places = [JSON.stringify(commands), kept.toString('latin1'), keys.join()];
    expect(places.map((text) => text.includes(id))).toEqual([true, true, true]);
    flows.verify();
  },
  180_000,
);
