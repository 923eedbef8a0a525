import { RedisStore } from 'connect-redis';
import { client, prefix } from '../driver.js';

/** What both peers are given: the store, and sessions that end after 30 minutes without a request, as ours do. */
export const options = () => ({
  store: new RedisStore({ client, prefix }),
  cookie: { secure: false, maxAge: 30 * 60_000 },
});
