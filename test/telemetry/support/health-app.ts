import { Controller, Get, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { SessionModule, type SessionOptions } from 'nestjs-token-session';
import { SessionHealthIndicator, type SessionPingOptions } from 'nestjs-token-session/terminus';
import { startApp } from '../../support/app.js';
import { call, type Answer } from '../../support/client.js';
import { collectEvents } from '../../support/events.js';
import { SILENT } from '../../support/leaks/loggers.js';
import type { Platform, RunningApp } from '../../support/platforms.js';

/** What the next check asks with. */
class Plan {
  options: SessionPingOptions | undefined;
}

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly sessions: SessionHealthIndicator,
    private readonly plan: Plan,
  ) {}

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.sessions.pingCheck('sessions', this.plan.options)]);
  }

  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([]);
  }
}

@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [SessionHealthIndicator, Plan],
})
class HealthModule {}

/** What a check answered. */
export interface Health {
  readonly httpStatus: number;
  readonly sessions: Readonly<Record<string, unknown>>;
}

/** An application with a health check of its sessions, as Terminus documents one. */
export class HealthApp {
  private constructor(readonly running: RunningApp) {}

  static async start(platform: Platform, session: SessionOptions = {}): Promise<HealthApp> {
    const imports = [SessionModule.forRoot({ logger: SILENT, ...session }), HealthModule];
    return new HealthApp(await startApp(platform, { imports, controllers: [] }));
  }

  /** Collects events from now on. */
  collect = (): ReturnType<typeof collectEvents> => collectEvents(this.running);

  get indicator(): SessionHealthIndicator {
    return this.running.app.get(SessionHealthIndicator, { strict: false });
  }

  async ready(options?: SessionPingOptions): Promise<Health> {
    this.running.app.get(Plan, { strict: false }).options = options;
    const answer = await this.ask('ready');
    return { httpStatus: answer.status, sessions: (answer.json() as { details: Health }).details.sessions };
  }

  ask(path: 'ready' | 'live'): Promise<Answer> {
    return call(this.running.url, `/health/${path}`);
  }
}

/** The answers to these, without the time, which is a number of ms. */
export function statusOf({ httpStatus, sessions: { responseTime, ...sessions } }: Health): unknown[] {
  if (!Number.isSafeInteger(responseTime)) throw new Error(`responseTime is ${String(responseTime)}`);
  return [httpStatus, sessions];
}
