import { Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { createClient } from 'redis';

/** The token of the client; other modules may import this one and inject it, too. */
export const REDIS = Symbol('REDIS');

export type Redis = ReturnType<typeof open>;

/**
 * The connection is made beside the start: while Redis is away the application starts all the same,
 * answers 503 where it needs a session, and goes on when Redis is there.
 */
function open(url: string) {
  const client = createClient({
    url,
    // A server that has frozen looks like a slow one. It is asked each second, and after two without
    // an answer the connection is made anew.
    pingInterval: 1_000,
    socket: { connectTimeout: 2_000, socketTimeout: 2_000 },
  });
  const logger = new Logger('Redis');
  let isDown = false;
  client.on('error', (error: Error) => {
    // Each try to connect fails anew; once is enough.
    if (!isDown) logger.error(`${error.message || error.name}. Trying again.`);
    isDown = true;
  });
  client.on('ready', () => {
    if (isDown) logger.warn('Connected again.');
    isDown = false;
  });
  // It tries until it succeeds; a refused password is told by 'error', too.
  client.connect().catch(() => undefined);
  return client;
}

@Module({
  providers: [{ provide: REDIS, useFactory: () => open(process.env.REDIS_URL || 'redis://127.0.0.1:6379') }],
  exports: [REDIS],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly client: Redis) {}

  /** HTTP is closed by now, and the session module, which imports this one, has let go of the store. */
  onApplicationShutdown(): void {
    this.client.destroy();
  }
}
