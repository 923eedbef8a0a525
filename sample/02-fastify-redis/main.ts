import { Fleet } from './launcher/fleet.js';
import { LocalRedis } from './launcher/local-redis.js';
import { settingsOf } from './launcher/settings.js';
import { welcome } from './launcher/welcome.js';

// What a supervisor does in production: start the processes, name the Redis to them, end them.
const started: { stop(): Promise<void> }[] = [];
let ending: Promise<void> | undefined;

/** Ends what was started, the last one first: Redis goes when no process needs it any more. */
function end(): Promise<void> {
  ending ??= (async () => {
    for (const part of started.reverse()) await part.stop();
  })();
  return ending;
}

process.on('SIGINT', () => void end()).on('SIGTERM', () => void end());

try {
  const { processes, port, redisUrl } = settingsOf(process.env);
  let url = redisUrl;
  if (url === undefined) {
    const redis = new LocalRedis();
    started.push(redis);
    url = await redis.start();
  }
  const fleet = new Fleet({ processes, port, redisUrl: url });
  started.push(fleet);
  await fleet.start();
  console.log(welcome(fleet, url, redisUrl === undefined));
  await fleet.ended();
} catch (error) {
  // A start that was called off is no failure.
  if (ending === undefined) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
await end();
