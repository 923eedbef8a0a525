import type { INestApplicationContext } from '@nestjs/common';
import { SESSION_ENGINE } from '../session.constants.js';
import type { SessionEngine } from '../session.engine.js';
import { SessionUsageError } from '../session.errors.js';
import type { SessionMiddleware } from '../session.middleware.js';

/** The session layer of an application, or of the plain middleware. Not the class of this copy of the package, perhaps. */
export function engineOf(app: INestApplicationContext | SessionMiddleware): SessionEngine {
  if ('service' in app) return app.service['engine'];
  try {
    return app.get<SessionEngine>(SESSION_ENGINE, { strict: false });
  } catch (cause) {
    throw new SessionUsageError(
      'NOT_MOUNTED',
      'testSessions: this application has no sessions: import SessionModule.forRoot(), and compile the module first.',
      { cause },
    );
  }
}
