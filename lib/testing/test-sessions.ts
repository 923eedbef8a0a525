import type { INestApplicationContext } from '@nestjs/common';
import { detailsOf, type SessionDetails } from '../session.details.js';
import type { SessionEngine } from '../session.engine.js';
import { SessionUsageError } from '../session.errors.js';
import type { LoginOptions } from '../session.login.js';
import type { SessionMiddleware } from '../session.middleware.js';
import { interpret } from '../session.reading.js';
import { absoluteEnd } from '../session.record.js';
import { SessionService } from '../session.service.js';
import { SessionState } from '../session.state.js';
import { stateOf, type TokenSession } from '../session.js';
import { createToken } from '../session-token.js';
import type { SessionTransport } from '../transports/session-transport.js';
import type { TransportPlan } from '../transports/transport-plan.js';
import { engineOf } from './engine-of.js';
import { checkSignedIn } from './signed-in-options.js';
import { idsOf, refusePublicId } from './stored-ids.js';
import {
  foundIn,
  headersIn,
  headersOf,
  isCleared,
  requestWith,
  sentBy,
  type AnswerWithHeaders,
  type HeaderValues,
} from './token-headers.js';

/** A session that is stored, as a client holds it. */
export interface TestSession {
  /** The secret itself. */
  readonly token: string;
  /** The session's public id, as `session.id` has it. */
  readonly id: string;
  /** What a request with this session sends: `request(server).get('/').set(headers)`, `app.inject({ url, headers })`. */
  readonly headers: Record<string, string>;
}

/** What is stored of a session. Times are in ms since the epoch. */
export interface StoredSessionView extends SessionDetails {
  /** The session's public id, as `session.id` has it. */
  readonly id: string;
  /** What the application put into the session. */
  readonly data: Record<string, unknown>;
}

/** How a session for a test travels. */
export interface TestSessionOptions {
  /** The transport of `headers`, by its name: `'cookie'`, `'bearer'`, `'header'`. Default: that of a new session. */
  via?: string;
}

/** What `login` takes, and the session's data. */
export interface SignedInOptions extends Omit<LoginOptions, 'keep'>, TestSessionOptions {
  /** What the session holds. Default nothing. */
  data?: Record<string, unknown>;
}

/** Sessions for tests of an application: stored by its own session layer, so that all of its rules hold. */
export class TestSessions {
  private readonly service: SessionService;

  /** @internal */
  constructor(private readonly engine: SessionEngine) {
    this.service = new SessionService(engine);
  }

  /**
   * A session of a user, as after `SessionService.login`.
   *
   * @throws SessionUsageError `INVALID_USER_ID`, `INVALID_LOGIN_OPTION`, `RESERVED_NAME`
   * @throws SessionDataError for data that the session can't store
   * @throws SessionError `TOO_MANY_SESSIONS`, `STORE_UNAVAILABLE`
   */
  async signedIn(
    userId: string | number | bigint,
    { data = {}, via, ...login }: SignedInOptions = {},
  ): Promise<TestSession> {
    checkSignedIn(login);
    const transport = this.transportOf(via);
    const session = await this.service.login(this.sessionWith(data), userId, {
      ...login,
      keep: Object.keys(data) as never,
    });
    return this.held(session, transport);
  }

  /** A session without a user, or of the user whom its data tell of (`userIdOf`). */
  async anonymous(data: Record<string, unknown> = {}, { via }: TestSessionOptions = {}): Promise<TestSession> {
    const transport = this.transportOf(via);
    const session = this.sessionWith(data);
    await this.service.save(session);
    return this.held(session, transport);
  }

  /**
   * What is stored of a session; undefined when it has ended or never was.
   *
   * @param which its id, its token, the headers of a request with it, or what `signedIn` gave
   * @throws SessionError `STORE_UNAVAILABLE`, `FORMAT_UNKNOWN`
   * @throws SessionUsageError `NOT_SUPPORTED` for an id with a store whose keys are the tokens (`rawIds`)
   */
  async stored(which: string | TestSession | HeaderValues): Promise<StoredSessionView | undefined> {
    for (const id of idsOf(this.engine, which)) {
      const reading = interpret(this.engine, id, await this.engine.store.load(id));
      if (reading.kind === 'kept') throw reading.error;
      if (reading.kind !== 'live') continue;
      const { options } = this.engine;
      const data = options.codec.decode(reading.text);
      return { id: this.engine.tokens.publicIdOf(id), data, ...detailsOf(reading.record, reading.identity, options) };
    }
    refusePublicId(this.engine, which);
    return undefined;
  }

  /** The session whose token an answer sets, for the next request; undefined when it sets none. */
  of(answer: AnswerWithHeaders): TestSession | undefined {
    const { tokens, options } = this.engine;
    for (const transport of options.transports) {
      const places = sentBy((to) => {
        transport.send(to, createToken(), undefined);
      });
      const found = headersOf(transport, foundIn(headersIn(answer), places), tokens);
      if (found !== undefined) return { ...found, id: tokens.publicIdOf(tokens.idOf(found.token)) };
    }
    return undefined;
  }

  /** Whether an answer takes the client's token back, as after a logout. */
  cleared(answer: AnswerWithHeaders): boolean {
    return this.engine.options.transports.some((transport) => isCleared(transport, headersIn(answer)));
  }

  private sessionWith(data: Record<string, unknown>): TokenSession {
    return Object.assign(new SessionState(this.engine).handle, data);
  }

  private held(session: TokenSession, transport: SessionTransport): TestSession {
    const { token, publicId: id, times } = stateOf(session);
    if (token === undefined || id === undefined) throw new TypeError('a stored session has a token');
    const maxAge = absoluteEnd(times, this.engine.options) - this.engine.now();
    const sent = sentBy((to) => {
      transport.send(to, token, maxAge);
    });
    const found = headersOf(transport, sent, this.engine.tokens);
    if (found?.token === token) return { token, id, headers: found.headers };
    throw new SessionUsageError(
      'NOT_SUPPORTED',
      `testSessions: the transport ${transport.name} does not read the token where it sends it (header, cookie or ` +
        'bearer token): name another one with { via }, or make the request by hand with the token.',
    );
  }

  private transportOf(via: string | undefined): SessionTransport {
    const { transports, issue } = this.engine.options;
    const chosen =
      via === undefined
        ? issue === undefined
          ? transports[0]
          : issued(issue)
        : transports.find(({ name }) => name === via || name.startsWith(`${via} `));
    if (chosen !== undefined) return chosen;
    const names = transports.map(({ name }) => `'${name}'`).join(', ');
    throw new SessionUsageError('NOT_SUPPORTED', `testSessions: via takes one of ${names}; got '${String(via)}'.`);
  }
}

/**
 * Sessions for the tests of an application.
 *
 * @param app what `createNestApplication()` or `compile()` gives, or the middleware that `session()` makes
 * @param options the `name` of the session layer; default the one without a name
 * @throws SessionUsageError `NOT_MOUNTED` when it has no sessions
 */
export function testSessions(
  app: INestApplicationContext | SessionMiddleware,
  { name }: { name?: string } = {},
): TestSessions {
  return new TestSessions(engineOf(app, name));
}

/** What the application chooses for a request without a path and without headers of its own. */
function issued(issue: NonNullable<TransportPlan['issue']>): SessionTransport {
  try {
    return issue(requestWith({}));
  } catch (cause) {
    const hint = 'testSessions: transport.issue fails for a request that is not there: name a transport with { via }.';
    throw new SessionUsageError('NOT_SUPPORTED', hint, { cause });
  }
}
