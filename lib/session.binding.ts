import { createHmac, timingSafeEqual } from 'node:crypto';
import { hasMethods, invalid } from './session.checks.js';
import type { SessionEngine } from './session.engine.js';
import { SessionUsageError } from './session.errors.js';
import type { SessionIdentity } from './session.identity.js';
import { isPromise } from './stores/awaitable.js';
import type { TransportRequest } from './transports/session-transport.js';

/** What sessions are bound to besides their token, and what happens when a request does not have it. */
export interface SessionBinding {
  /**
   * What of a request its session is bound to: `userAgent`, `clientAddress`, `combined(…)`, or text
   * of your own; undefined where there is nothing. Asked before all other middleware, so look at the
   * request as it came. Only a hash that the token is the key of is stored.
   */
  readonly of: (request: TransportRequest) => string | undefined;
  /**
   * What happens to a request that does not have it: `'report'`, the event `session_binding_mismatch`
   * and nothing else; `'refuse'`, the same event, and the request has no session, as if its token
   * were unknown. The session itself lives on.
   */
  readonly onMismatch: 'report' | 'refuse';
}

/** How much of the hash is stored, in bytes. */
const MARK_BYTES = 16;

const STOLEN =
  'If the client has not just moved or been updated, the token may be stolen: end the sessions of the user by destroyAll';

const FUNCTION_OF_REQUEST = 'a function of the request that gives text or undefined';

/** @throws SessionConfigError */
export function checkBinding(binding: SessionBinding | undefined): SessionBinding | undefined {
  if (binding === undefined) return undefined;
  if (typeof binding !== 'object' || (binding as unknown) === null) {
    invalid('binding', binding, "{ of, onMismatch }, such as { of: userAgent, onMismatch: 'report' }");
  }
  if (!hasMethods(binding, ['of'])) invalid('binding.of', (binding as { of?: unknown }).of, FUNCTION_OF_REQUEST);
  if (!['report', 'refuse'].includes(binding.onMismatch)) {
    invalid('binding.onMismatch', binding.onMismatch, "'report' or 'refuse'");
  }
  return binding;
}

/**
 * Several bindings as one: all of them have to be as they were. Nothing where none of them has anything.
 *
 * @throws SessionConfigError
 */
export function combined(...parts: readonly SessionBinding['of'][]): SessionBinding['of'] {
  if (parts.length === 0 || !parts.every((part) => typeof part === 'function')) {
    invalid('binding.of', parts, 'functions of the request in combined(), at least one');
  }
  return (request) => {
    const values: unknown[] = parts.map((part) => part(request));
    // In JSON a promise would be like any other.
    const wrong = values.find((value) => !isAnswer(value));
    if (wrong !== undefined) return wrong as never;
    return values.every((value) => value === undefined) ? undefined : JSON.stringify(values);
  };
}

/**
 * What a record notes of the request that gets this new token.
 *
 * @throws SessionUsageError `INVALID_BINDING` where `of` fails and what does not fit is to be refused
 */
export function bindingFor(engine: SessionEngine, request: TransportRequest, token: string): string | undefined {
  const { binding } = engine.options;
  if (binding === undefined) return undefined;
  const { value, fault, cause } = ask(binding, request);
  if (value !== undefined) return markOf(token, value).toString('base64url');
  if (fault !== undefined && binding.onMismatch === 'refuse') {
    throw new SessionUsageError('INVALID_BINDING', `The option ${fault}. No session can begin without a binding.`, {
      cause,
    });
  }
  const reason = fault ?? 'binding.of gives nothing for its request, so other clients can use it as well';
  engine.events.emit({ type: 'store_notice', reason: `A session is stored without a binding: ${reason}.` });
  return undefined;
}

/** Whether a request may use the session that its token names. Tells when it does not fit. */
export function isBoundHere(
  engine: SessionEngine,
  request: TransportRequest,
  session: { readonly token: string; readonly id: string; readonly identity: SessionIdentity },
): boolean {
  const { binding } = engine.options;
  const { marks, userId } = session.identity;
  if (binding === undefined || marks.binding === undefined) return true;
  const { value, fault } = ask(binding, request);
  if (value !== undefined) {
    const noted = Buffer.from(marks.binding, 'base64url');
    if (timingSafeEqual(markOf(session.token, value), noted)) return true;
  }
  const isLetIn = binding.onMismatch === 'report';
  const effect = isLetIn ? 'It was let in' : 'It got no session, and the session lives on';
  const remedy = fault ?? STOLEN;
  engine.events.emit({
    type: 'session_binding_mismatch',
    id: session.id,
    ...(userId !== undefined && { userId }),
    reason: `The request does not have what its session is bound to. ${effect}. ${remedy}.`,
  });
  return isLetIn;
}

/** What `of` gives for a request, or what is wrong with it. Never the value itself: it may be personal. */
interface Given {
  readonly value?: string | undefined;
  readonly fault?: string;
  readonly cause?: unknown;
}

function ask(binding: SessionBinding, request: TransportRequest): Given {
  try {
    const value: unknown = binding.of(request);
    if (isAnswer(value)) return { value };
    const isLate = isPromise(value);
    // What it rejects with later has nobody else to take it, which would end the process.
    if (isLate) Promise.resolve(value).catch(() => undefined);
    const kind = isLate ? 'a promise' : value === null ? 'null' : typeof value;
    return { fault: `binding.of has to give text or undefined, at once, and gave ${kind}` };
  } catch (cause) {
    return { fault: `binding.of has to give text or undefined for every request, and threw ${nameOf(cause)}`, cause };
  }
}

function isAnswer(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** Not its message, which may quote the request. What was thrown may be anything, also what throws when it is read. */
function nameOf(error: unknown): string {
  try {
    const { name } = error as { name?: unknown };
    return typeof name === 'string' && /^[A-Za-z]{1,50}$/.test(name) ? name : 'something';
  } catch {
    return 'something';
  }
}

/**
 * Keyed by the token, which no store has: of a plain hash everybody could find the address by trying
 * all there are, and tell which sessions come from one place.
 */
function markOf(token: string, value: string): Buffer {
  return createHmac('sha256', token).update(value).digest().subarray(0, MARK_BYTES);
}
