import { Inject, Injectable, Optional } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { invalid } from '../session.checks.js';
import { DURATION, toMs, type Duration } from '../session.duration.js';
import type { SessionEngine } from '../session.engine.js';
import { SessionConfigError } from '../session.errors.js';
import { SessionService } from '../session.service.js';
import { within } from '../stores/deadline.js';
import { Probe } from './probe.js';

const MAX_TIMEOUT = 86_400_000;

/** What `pingCheck` takes. */
export interface SessionPingOptions {
  /**
   * How long to wait for the store, in ms or text such as `'1s'`. It never has longer than the option `storeTimeout`
   * of its sessions. At most a day. Default 1000.
   */
  timeout?: Duration;
  /** The sessions whose store is asked. Default: the `SessionService` of the application's default session layer. */
  sessions?: SessionService;
}

/**
 * Tells Terminus whether the session store answers. Name it among the providers of the module that imports
 * `TerminusModule`, and `() => this.sessions.pingCheck('sessions')` among the checks of readiness, not of liveness: a
 * restart mends no store.
 */
@Injectable()
export class SessionHealthIndicator {
  /** One for each session layer that is asked. */
  private readonly probes = new WeakMap<SessionEngine, Probe>();

  constructor(
    @Inject(HealthIndicatorService) private readonly health: HealthIndicatorService,
    @Optional() @Inject(SessionService) private readonly sessions?: SessionService,
  ) {}

  /**
   * Asks the store for a session that does not exist: the way of every request with a token, at a cost that does not
   * grow. Checks that come while one waits for its answer share it.
   *
   * @param key the name of the check in the result
   * @returns `up` with `responseTime` in ms; `down` besides with our `code` and a `message`, which quote nothing
   * @throws SessionConfigError `INVALID_OPTION`
   */
  async pingCheck<const Key extends string>(
    key: Key,
    options: SessionPingOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { timeout = 1_000, sessions = this.sessions } = options;
    const ms = toMs(timeout) ?? invalid('timeout of pingCheck', timeout, DURATION);
    // A timer with a longer delay than it can have fires at once: the store would be down for ever.
    if (ms > MAX_TIMEOUT) invalid('timeout of pingCheck', timeout, 'at most a day');
    const probe = this.probeOf(sessions);
    const check = this.health.check(key);
    const startedAt = performance.now();
    const fault = await within(probe.ask(), ms, () => new Error('late')).catch(() => ({
      code: 'STORE_UNAVAILABLE',
      message: `The session store gave no answer within ${String(ms)} ms.`,
    }));
    const responseTime = Math.round(performance.now() - startedAt);
    return fault === undefined ? check.up({ responseTime }) : check.down({ ...fault, responseTime });
  }

  private probeOf(sessions: SessionService | undefined): Probe {
    if (sessions === undefined) throw noSessions();
    // By its part: both copies of this package can meet in one process.
    const engine = (sessions as unknown as { engine?: SessionEngine } | null)?.engine;
    if (engine?.store === undefined) invalid('sessions of pingCheck', sessions, 'a SessionService');
    const known = this.probes.get(engine);
    if (known !== undefined) return known;
    const probe = new Probe(engine);
    this.probes.set(engine, probe);
    return probe;
  }
}

function noSessions(): SessionConfigError {
  return new SessionConfigError(
    'INVALID_OPTION',
    'pingCheck found no default sessions to ask: import SessionModule.forRoot(), or say which sessions to ask, as in ' +
      "pingCheck('sessions', { sessions: this.admins }) with @InjectSessionService('admin') for a named one.",
  );
}
