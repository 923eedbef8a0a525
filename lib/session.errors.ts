import { HttpException } from '@nestjs/common';

/**
 * Codes of the refusals that a client sees, with their HTTP status. Stable: clients may act on them.
 *
 * - `SESSION_REQUIRED` 401: the route needs a stored session and the request has none.
 * - `SESSION_ENDED` 401: the session ended while this request was changing it; nothing was stored.
 * - `LOGIN_REQUIRED` 401: the route needs a user, and the session is bound to none.
 * - `LEVEL_REQUIRED` 401: the user has to prove more, by a second factor say; the body says up to which `level`.
 * - `RECENT_LOGIN_REQUIRED` 401: the last proof is too old; the body says how old it may be, `maxAge` in ms.
 * - `TOO_MANY_SESSIONS` 403: the user has `maxPerUser` sessions already.
 * - `CSRF_REFUSED` 403: an unsafe request from another site, with the session in a cookie.
 * - `SESSION_CONFLICT` 503: other requests kept changing the session, or one changed it so that this one's changes
 *   do not fit the schema any more; nothing was stored.
 * - `STORE_UNAVAILABLE` 503: the store refused, or was not reached in time; nothing was stored.
 * - `OUTCOME_UNKNOWN` 503: the store did not answer a write in time; it may or may not be stored.
 * - `FORMAT_UNKNOWN` 503: a newer version of the package wrote the session, it is encrypted with a key that is not
 *   here, or the schema refuses its data; it is kept as it is.
 */
export type SessionErrorCode = keyof typeof STATUS;

const STATUS = {
  SESSION_REQUIRED: 401,
  SESSION_ENDED: 401,
  LOGIN_REQUIRED: 401,
  LEVEL_REQUIRED: 401,
  RECENT_LOGIN_REQUIRED: 401,
  TOO_MANY_SESSIONS: 403,
  CSRF_REFUSED: 403,
  SESSION_CONFLICT: 503,
  STORE_UNAVAILABLE: 503,
  OUTCOME_UNKNOWN: 503,
  FORMAT_UNKNOWN: 503,
} as const;

const PHRASE = { 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const;

/**
 * The request can't be answered as its handler meant to. An `HttpException`, so that exception
 * filters treat it like any other; connect and Express read its `status`.
 */
export class SessionError extends HttpException {
  override readonly name: string = 'SessionError';

  constructor(
    readonly code: SessionErrorCode,
    message: string,
    options?: { cause?: unknown; details?: Readonly<Record<string, number>> },
  ) {
    const statusCode = STATUS[code];
    super({ statusCode, error: PHRASE[statusCode], code, message, ...options?.details }, statusCode, {
      cause: options?.cause,
    });
    this.message = message;
  }

  /** What GraphQL clients see of it: the body of HTTP's answer, in the place where `@nestjs/apollo` puts that. */
  get extensions(): { readonly code: SessionErrorCode; readonly originalError: string | object } {
    return { code: this.code, originalError: this.getResponse() };
  }
}

/** Whether this is a `SessionError`, also one of another copy of this package. */
export function isSessionError(error: unknown): error is SessionError {
  return error instanceof Error && error.name === 'SessionError' && 'code' in error;
}

export function loginRequired(): SessionError {
  return new SessionError('LOGIN_REQUIRED', 'This needs a user. Sign in first.');
}

/**
 * Data that the codec can't carry, too much of it, or such as the schema does not take. Nothing was stored; the old
 * data is intact.
 */
export class SessionDataError extends Error {
  override readonly name: string = 'SessionDataError';

  constructor(
    readonly code: 'DATA_NOT_STORABLE' | 'DATA_TOO_LARGE' | 'DATA_UNREADABLE' | 'DATA_MISMATCH' | 'SCHEMA_FAILED',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** One whose message quotes no data, also of another copy of this package: codecs of others quote what they were given. */
export function isDataError(error: unknown): error is SessionDataError {
  return error instanceof Error && error.name === 'SessionDataError' && 'code' in error;
}

/** The session is used in a way that can't work: a fault of the program, not of the request. */
export class SessionUsageError extends Error {
  override readonly name: string = 'SessionUsageError';

  constructor(
    readonly code:
      | 'RESERVED_NAME'
      | 'SESSION_REPLACED'
      | 'SESSION_DESTROYED'
      | 'ALREADY_ANSWERED'
      | 'NOT_ASSIGNABLE'
      | 'NOT_A_SESSION'
      | 'FOREIGN_SESSION'
      | 'NOT_MOUNTED'
      | 'NOT_HTTP'
      | 'NOT_SUPPORTED'
      | 'INVALID_USER_ID'
      | 'INVALID_LOGIN_OPTION'
      | 'INVALID_BINDING'
      | 'RANDOM_UNAVAILABLE',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** An option is wrong, or two things don't fit together. Thrown at boot, before any request. */
export class SessionConfigError extends Error {
  override readonly name: string = 'SessionConfigError';

  constructor(
    readonly code:
      'INVALID_OPTION' | 'INVALID_STORE' | 'CONFLICTING_PLUGIN' | 'CONFLICTING_SESSIONS' | 'UNSUPPORTED_ADAPTER',
    message: string,
  ) {
    super(message);
  }
}
