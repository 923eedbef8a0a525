import { WsException } from '@nestjs/websockets';
import { isSessionError } from '../session.errors.js';

/**
 * What a gateway's exception filters, and by Nest's own filter its clients, get of an error: of a `SessionError` its
 * code, message and details. Anything else as it is.
 */
export function asWsException(error: unknown): unknown {
  if (!isSessionError(error)) return error;
  const { statusCode, error: phrase, ...told } = error.getResponse() as Record<string, unknown>;
  // `status` is what Nest's own exceptions say; the code tells more than the number of HTTP.
  return Object.assign(new WsException({ status: 'error', ...told }), { cause: error });
}
