import { connectMiddleware, type ConnectMiddleware } from './mounts/connect.mount.js';
import { SessionEngine } from './session.engine.js';
import { resolveOptions, type SessionOptions } from './session.options.js';
import type { SessionSchema } from './session.schema.js';
import { SessionService } from './session.service.js';
import { TokenSession } from './session.js';
import { MemoryStore } from './stores/memory.store.js';
import { Store } from './stores/session-store.js';

/** What `session()` gives: a connect middleware with the service of its sessions. */
export interface SessionMiddleware extends ConnectMiddleware {
  /** The same operations that Nest injects as `SessionService`. */
  readonly service: SessionService;
  /** Stops the sweep and closes what the store itself opened. */
  close(): Promise<void>;
}

/**
 * The session layer as a plain connect middleware, for connect, Express and `app.use` in main.ts.
 *
 * ```js
 * connect().use(session()).use((req, res) => { req.session.views = … })
 * ```
 *
 * @throws SessionConfigError for an option that is wrong
 */
export function session<Schema extends SessionSchema = SessionSchema>(
  options: SessionOptions<Schema> = {},
): SessionMiddleware {
  const engine = new SessionEngine(resolveOptions(options));
  // Here nobody waits at boot: each request will fail with the same reason.
  engine.ready?.catch((error: unknown) => {
    engine.events.emit({ type: 'store_notice', reason: (error as Error).message });
  });
  return Object.assign(connectMiddleware(engine), {
    service: new SessionService(engine),
    close: () => engine.close(),
  });
}

/** The constructors, where express-token-session has them. */
session.Store = Store;
session.MemoryStore = MemoryStore;
session.TokenSession = TokenSession;
