import type { INestApplicationContext } from '@nestjs/common';
import { engineTokenOf } from '../session.constants.js';
import type { SessionEngine } from '../session.engine.js';
import { SessionUsageError } from '../session.errors.js';
import { checkLayerName } from '../session.layers.js';
import type { SessionMiddleware } from '../session.middleware.js';
import { isPromise } from '../stores/awaitable.js';

/** The session layer of an application, or of the plain middleware. Not the class of this copy of the package, perhaps. */
export function engineOf(app: INestApplicationContext | SessionMiddleware, name?: string): SessionEngine {
  checkLayerName('testSessions name', name);
  // A beforeEach that failed leaves nothing.
  if (!isApp(app)) {
    throw new SessionUsageError(
      'NOT_MOUNTED',
      "testSessions takes the application, as createNestApplication() or compile() gives it, or session()'s middleware; " +
        `got ${isPromise(app) ? 'a promise: await it' : shown(app)}.`,
    );
  }
  if ('service' in app && name === undefined) return app.service['engine'];
  try {
    return (app as INestApplicationContext).get<SessionEngine>(engineTokenOf(name), { strict: false });
  } catch (cause) {
    throw new SessionUsageError(
      'NOT_MOUNTED',
      `testSessions: this application has no sessions${name === undefined ? '' : ` '${name}'`}: import ` +
        'SessionModule.forRoot(), and compile the module first.',
      { cause },
    );
  }
}

/** What came in place of what was wanted, for messages. */
export function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function isApp(app: unknown): boolean {
  if (typeof app === 'function') return 'service' in app;
  return typeof app === 'object' && app !== null && 'get' in app && typeof app.get === 'function';
}
