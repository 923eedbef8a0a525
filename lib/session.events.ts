import { Observable, type Observer, type Operator, type Subscription } from 'rxjs';

/**
 * What happened to sessions, as `SessionService.events$` tells it. `id` is the session's public id;
 * no event holds a token or data. `reason` is a sentence for people.
 */
export type SessionEvent =
  /** A session was stored for the first time. */
  | { type: 'session_created'; id: string }
  /** A session got a new token; the old one opens nothing any more. */
  | { type: 'session_renewed'; id: string; previousId: string }
  /** A session was destroyed; `userId` where that was done by `destroyById` or `destroyAll`. */
  | { type: 'session_destroyed'; id: string; userId?: string }
  /** A session was bound to a user, who proved who they are. */
  | { type: 'authn_login_success'; id: string; userId: string }
  /** A user has `maxPerUser` sessions already. */
  | { type: 'authn_login_fail'; userId: string; reason: string }
  /** A token named a session past its idle or absolute limit. */
  | { type: 'session_expired'; id: string; reason: string }
  /** A well-formed token that names no session: ended, expired or invented. */
  | { type: 'token_unknown'; id: string }
  /** A token was rotated away less than a minute ago and came once more. */
  | { type: 'token_rotated'; id: string }
  /** What came in the place of a token is not one. It is not shown: it may be one of another system. */
  | { type: 'input_validation_fail'; transport: string }
  /** Another request changed the session first; this one re-applied its own changes. */
  | { type: 'update_conflict'; id: string }
  /** Changes were refused because the session had ended. */
  | { type: 'write_refused'; id: string; reason: string }
  /** Data that can't be stored, or too much of it. */
  | { type: 'data_refused'; id: string | undefined; reason: string }
  /** A stored record that can't be read. It was removed. */
  | { type: 'record_corrupt'; id: string; reason: string }
  /** A record in a format of a newer version. It was kept. */
  | { type: 'format_unknown'; id: string; reason: string }
  /** The store failed, or did not answer within `storeTimeout`. */
  | { type: 'store_failed'; operation: string; reason: string }
  /** The store works again after a fault. */
  | { type: 'store_recovered'; operation: string }
  /** A living session was dropped to make room: in a bounded store, or for a login beyond `maxPerUser`. */
  | { type: 'session_evicted'; id: string; reason: string }
  /** A Secure cookie was not sent, because the request came over plain http. */
  | { type: 'cookie_withheld'; reason: string }
  /** An unsafe request from another site was refused. */
  | { type: 'malicious_cors'; reason: string }
  /** Something the application should know: a store's limits, or an option that caps what login() asks for. */
  | { type: 'store_notice'; reason: string };

export type SessionEventType = SessionEvent['type'];

/** What log lines go to: Nest's `Logger`, log4js, pino and console all fit. */
export interface SessionLogger {
  warn(message: string): unknown;
  error(message: string): unknown;
}

const LOGGED: Partial<Record<SessionEventType, keyof SessionLogger>> = {
  input_validation_fail: 'warn',
  update_conflict: 'warn',
  write_refused: 'warn',
  data_refused: 'error',
  record_corrupt: 'error',
  format_unknown: 'error',
  store_failed: 'error',
  store_recovered: 'warn',
  session_evicted: 'warn',
  authn_login_fail: 'warn',
  cookie_withheld: 'error',
  malicious_cors: 'warn',
  store_notice: 'warn',
};

/** One log line of a kind per this time, in ms; the next one says how many were left out. */
const LOG_INTERVAL = 60_000;

/** Takes events, hands them to subscribers and to the log. Nothing that they throw comes back. */
export class SessionEvents {
  readonly stream = new EventStream();
  private readonly logged = new Map<string, { at: number; suppressed: number }>();

  constructor(
    private readonly logger: SessionLogger,
    private readonly now: () => number,
    /** What may be shown of an id; default all of it. */
    private readonly publicIdOf?: (id: string) => string,
  ) {}

  emit(event: SessionEvent): void {
    const shown = this.publicIdOf === undefined ? event : withPublicIds(event, this.publicIdOf);
    this.stream.emit(shown);
    const level = LOGGED[event.type];
    if (level !== undefined) this.log(level, shown);
  }

  private log(level: keyof SessionLogger, event: SessionEvent): void {
    const now = this.now();
    // Two different notices must not hide each other; what varies in one comes after a colon.
    const kind = event.type === 'store_notice' ? event.reason.replace(/:.*/s, '') : event.type;
    const last = this.logged.get(kind);
    if (last !== undefined && Math.abs(now - last.at) < LOG_INTERVAL) {
      last.suppressed++;
      return;
    }
    this.logged.set(kind, { at: now, suppressed: 0 });
    const repeated = last?.suppressed ? ` (${String(last.suppressed)} more since the last line)` : '';
    try {
      this.logger[level](oneLine(`${describe(event)}${repeated}`));
    } catch {
      // A logger that throws must not harm the request that caused the line.
    }
  }
}

function withPublicIds(event: SessionEvent, publicIdOf: (id: string) => string): SessionEvent {
  const { id, previousId } = event as { id?: string; previousId?: string };
  return {
    ...event,
    ...(id !== undefined && { id: publicIdOf(id) }),
    ...(previousId !== undefined && { previousId: publicIdOf(previousId) }),
  };
}

function describe(event: SessionEvent): string {
  const { type, ...details } = event;
  const reason = 'reason' in event ? event.reason : undefined;
  const rest = Object.entries(details).filter(([key, value]) => key !== 'reason' && value !== undefined);
  return [type, ...rest.map(([key, value]) => `${key}=${String(value)}`), reason ?? '']
    .filter((part) => part !== '')
    .join(' ');
}

/** Error texts of stores may hold what a client sent: no line breaks or escape codes in the log. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
}

/**
 * An Observable whose subscribers can throw without harm. rxjs rethrows such an error from a timer,
 * which ends the process; here it stops at the subscriber, after any operators too.
 */
class ShieldedObservable<T> extends Observable<T> {
  /** What operators make of this has to be shielded too; rxjs has no other place for it before version 8. */
  /* eslint-disable @typescript-eslint/no-deprecated -- see above */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new ShieldedObservable<R>();
    lifted.source = this;
    lifted.operator = operator as Operator<unknown, R> | undefined;
    return lifted;
  }
  /* eslint-enable @typescript-eslint/no-deprecated */

  override subscribe(observer?: Partial<Observer<T>> | ((value: T) => void) | null): Subscription {
    return super.subscribe(shield(observer));
  }
}

class EventStream extends ShieldedObservable<SessionEvent> {
  private readonly observers = new Set<{ next(event: SessionEvent): void }>();

  constructor() {
    super((subscriber) => {
      this.observers.add(subscriber);
      return () => this.observers.delete(subscriber);
    });
  }

  emit(event: SessionEvent): void {
    for (const observer of this.observers) observer.next(event);
  }
}

function shield<T>(observer: Partial<Observer<T>> | ((value: T) => void) | null | undefined): Partial<Observer<T>> {
  const target = typeof observer === 'function' ? { next: observer } : (observer ?? {});
  // rxjs hands its own operator subscribers through here too; they have to stay what they are.
  if ('isStopped' in target) return target;
  return {
    next: (value) => {
      quietly(() => target.next?.(value));
    },
    error: (error) => {
      quietly(() => target.error?.(error));
    },
    complete: () => {
      quietly(() => target.complete?.());
    },
  };
}

function quietly(run: () => unknown): void {
  try {
    const result = run();
    // An async subscriber fails later.
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // A subscriber's fault is not the request's (law 12).
  }
}
