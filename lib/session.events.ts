import { EventStream } from './event-stream.js';
import { SessionLog, type SessionLogger } from './session.log.js';
import { EVENT_CHANNEL, ofLayer, type SessionEventMessage } from './telemetry/channels.js';

export type { SessionLogger } from './session.log.js';

/**
 * What happened to sessions, as `SessionService.events$` tells it. `id` is the session's public id,
 * `userId` the user that it is bound to, if any; no event holds a token or data. `reason` is a
 * sentence for people. Names are those of OWASP's Application Logging Vocabulary, where it has one.
 */
export type SessionEvent =
  /** A session was stored for the first time. */
  | { type: 'session_created'; id: string; userId?: string }
  /** A session got a new token; the old one opens nothing any more. */
  | { type: 'session_renewed'; id: string; previousId: string; userId?: string }
  /** A session was destroyed: a logout, or by `destroyById` or `destroyAll`. */
  | { type: 'session_destroyed'; id: string; userId?: string }
  /** Every session of everybody was ended, by `clear`. */
  | { type: 'sessions_cleared' }
  /** A session was bound to a user, who proved who they are. */
  | { type: 'authn_login_success'; id: string; userId: string }
  /** A login failed: the user has `maxPerUser` sessions already, was signed out meanwhile, or the store failed. */
  | { type: 'authn_login_fail'; userId: string; reason: string }
  /** A guard refused a request what `resource`, a class and its handler, requires of the session. */
  | { type: 'authz_fail'; id?: string; userId?: string; resource: string; reason: string }
  /** A token named a session past a limit that the store still had: it was used after its end. */
  | { type: 'session_expired'; id: string; userId?: string; limit: 'idle' | 'absolute'; reason: string }
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
  /** Data that can't be stored, too much of it, or such as the schema does not take. */
  | { type: 'data_refused'; id: string | undefined; reason: string }
  /** A stored record that can't be read. It was removed. */
  | { type: 'record_corrupt'; id: string; reason: string }
  /** A record in a format of a newer version, encrypted with a key that is not here, or with data that the schema refuses. It was kept. */
  | { type: 'format_unknown'; id: string; reason: string }
  /** The store failed, or did not answer within `storeTimeout`. */
  | { type: 'store_failed'; operation: string; reason: string }
  /** The store works again after a fault. */
  | { type: 'store_recovered'; operation: string }
  /** A living session was dropped to make room: in a bounded store, or for a login beyond `maxPerUser`. */
  | { type: 'session_evicted'; id: string; userId?: string; reason: string }
  /** A request does not have what its session is bound to, by the option `binding`. */
  | { type: 'session_binding_mismatch'; id: string; userId?: string; reason: string }
  /** A Secure cookie was not sent, because the request came over plain http. */
  | { type: 'cookie_withheld'; reason: string }
  /** An unsafe request from another site was refused. */
  | { type: 'malicious_cors'; reason: string }
  /** Something the application should know: a store's limits, an option that caps what login() asks for, a session without a binding. */
  | { type: 'store_notice'; reason: string };

/** The names of all events. */
export type SessionEventType = SessionEvent['type'];

/** At which level each event is a log line; undefined for the everyday, which only subscribers get. */
export const LOG_LEVELS: Readonly<Record<SessionEventType, keyof SessionLogger | undefined>> = {
  session_created: undefined,
  session_renewed: undefined,
  session_destroyed: undefined,
  sessions_cleared: 'warn',
  authn_login_success: undefined,
  authn_login_fail: 'warn',
  authz_fail: 'warn',
  session_expired: undefined,
  token_unknown: undefined,
  token_rotated: undefined,
  input_validation_fail: 'warn',
  update_conflict: 'warn',
  write_refused: 'warn',
  data_refused: 'error',
  record_corrupt: 'error',
  format_unknown: 'error',
  store_failed: 'error',
  store_recovered: 'warn',
  session_evicted: 'warn',
  cookie_withheld: 'error',
  malicious_cors: 'warn',
  session_binding_mismatch: 'warn',
  store_notice: 'warn',
};

/** Takes events, hands them to the log and to subscribers. Nothing that they throw comes back. */
export class SessionEvents {
  readonly stream = new EventStream<SessionEvent>();
  private readonly log: SessionLog;

  constructor(
    logger: SessionLogger,
    now: () => number,
    /** What may be shown of an id; default all of it. */
    private readonly publicIdOf?: (id: string) => string,
    /** The name of the session layer; undefined for the default one. */
    private readonly layer?: string,
  ) {
    this.log = new SessionLog(logger, now);
  }

  emit(event: SessionEvent): void {
    const shown = this.publicIdOf === undefined ? event : withPublicIds(event, this.publicIdOf);
    const level = LOG_LEVELS[event.type];
    if (level !== undefined) {
      // Two different notices must not hide each other; what varies in one comes after a colon.
      const notice = event.type === 'store_notice' ? /^[^:]*/.exec(event.reason)?.[0] : undefined;
      this.log.write(level, shown, notice);
    }
    this.stream.emit(shown);
    if (!EVENT_CHANNEL.hasSubscribers) return;
    EVENT_CHANNEL.publish({ type: event.type, ...ofLayer(this.layer) } satisfies SessionEventMessage);
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
