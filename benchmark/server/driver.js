import { createClient } from 'redis';
import { CONTENDERS } from '../contenders.js';

const [, , name, port] = process.argv;

/** The driver as all contenders with Redis have it: its defaults. Named, so that what they send can be told apart. */
export const client = createClient({ url: `redis://127.0.0.1:${port}`, name });
client.on('error', (error) => {
  throw error;
});
await client.connect();

/** Each contender has keys of its own. */
export const { prefix } = CONTENDERS.find((contender) => contender.name === name);
