import { invalid } from '../session.checks.js';

/** Options of `SessionSocketsModule.forRoot`. */
export interface SessionSocketsOptions {
  /**
   * What becomes of a socket without a session: no token, an unknown or malformed one. `'allow'`: it is let in, and its
   * handlers see an empty session, as HTTP handlers do; guards decide. `'refuse'`: its handshake is refused with 401.
   * Default `'allow'`.
   */
  anonymous?: 'allow' | 'refuse';
}

/**
 * Fills in defaults and checks.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function resolveSocketsOptions(options: SessionSocketsOptions): Required<SessionSocketsOptions> {
  if (typeof options !== 'object' || (options as object | null) === null) {
    invalid('SessionSocketsModule', options, '{ anonymous }');
  }
  const unknown = Object.keys(options).find((name) => name !== 'anonymous');
  if (unknown !== undefined) invalid(`SessionSocketsModule ${unknown}`, 'no such option', 'anonymous only');
  const { anonymous = 'allow' } = options;
  if (!['allow', 'refuse'].includes(anonymous)) {
    invalid('SessionSocketsModule anonymous', anonymous, "'allow' or 'refuse'");
  }
  return { anonymous };
}
