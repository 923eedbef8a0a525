// A redis-server and what the benchmark asks about it, in a process that ends with its parent.
import { answerParent } from '../processes.js';
import { Monitor } from './monitor.js';
import { fieldOf, startRedis } from './redis-server.js';

// So that the server is ended, too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit());

const { client, port } = await startRedis();
const infoOf = async (section, name) => fieldOf(await client.info(section), name);
let monitor;

answerParent({
  /** Contenders have keys of their own. */
  open: () => port,
  version: () => infoOf('server', 'redis_version'),

  /** µs of the server's CPU time since it was started, in user and system mode. */
  async cpu() {
    const info = await client.info('cpu');
    return (Number(fieldOf(info, 'used_cpu_user')) + Number(fieldOf(info, 'used_cpu_sys'))) * 1e6;
  },

  /** From now on each command is seen, which makes the server slower. */
  async watch() {
    monitor = new Monitor(client);
    await monitor.start();
  },

  /** Ends that; gives what the connections of this name have sent since. */
  watched: (name) => monitor.stop(name),

  /** What the keys with this prefix take, in bytes: as Redis reckons, and the text of keys and values alone. */
  async size(prefix) {
    const sum = { used: 0, text: 0 };
    for (const key of await keysWith(prefix)) {
      sum.used += await client.memoryUsage(key, { SAMPLES: 0 });
      sum.text += Buffer.byteLength(key) + (await client.strLen(key));
    }
    return sum;
  },

  async remove(prefix) {
    for (const key of await keysWith(prefix)) await client.del(key);
  },
});

async function keysWith(prefix) {
  const found = new Set();
  // A scan may give a key twice.
  for await (const keys of client.scanIterator({ MATCH: `${prefix}*` })) for (const key of keys) found.add(key);
  return found;
}
