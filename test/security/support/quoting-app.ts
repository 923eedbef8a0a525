import { inspect } from 'node:util';
import {
  Catch,
  Controller,
  Post,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { Session, SessionService, type SessionEvent, type SessionOptions } from 'nestjs-token-session';
import { startApp } from '../../support/app.js';
import { call, type Answer } from '../../support/client.js';
import { collectEvents } from '../../support/events.js';
import type { Platform } from '../../support/platforms.js';
import { HEADER } from '../../support/carriers.js';

/** What every session here holds, and what no event, line or error may hold. */
export const MARKER = 'DATA-MARKER-7f3a91';

@Controller()
class QuotingController {
  constructor(private readonly sessions: SessionService) {}

  /** Saved by the handler, so that the error goes through the filters. */
  @Post('write')
  async write(@Session() session: Session<{ value: string; times: number }>): Promise<void> {
    session.value = MARKER;
    session.times = (session.times ?? 0) + 1;
    await this.sessions.save(session);
  }
}

@Catch()
class KeepingFilter implements ExceptionFilter {
  constructor(
    private readonly app: INestApplication,
    private readonly errors: unknown[],
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    this.errors.push(error);
    this.app.getHttpAdapter().reply(host.switchToHttp().getResponse(), '', 503);
  }
}

/** An application whose sessions hold data that a test looks for in all that is told of a fault. */
export class QuotingApp {
  readonly lines: string[] = [];
  /** What the exception filter got. */
  readonly errors: unknown[] = [];
  events: SessionEvent[] = [];
  private url = '';

  static async start(platform: Platform, options: SessionOptions): Promise<QuotingApp> {
    const app = new QuotingApp();
    const line = (text: string): void => void app.lines.push(text);
    const running = await startApp(platform, {
      controllers: [QuotingController],
      session: { transport: HEADER.transport(), logger: { warn: line, error: line }, ...options },
      prepare: (nest) => nest.useGlobalFilters(new KeepingFilter(nest, app.errors)),
    });
    app.events = collectEvents(running);
    app.url = running.url;
    return app;
  }

  write(token?: string): Promise<Answer> {
    return call(this.url, '/write', { method: 'POST', headers: token === undefined ? {} : HEADER.send(token) });
  }

  /** What the events of this type gave as their reason. */
  reasons(type: SessionEvent['type']): string[] {
    return this.events.flatMap((event) => (event.type === type && 'reason' in event ? [event.reason] : []));
  }

  /** All that was told, as whoever looks into every corner of it would print it. */
  told(): string {
    const { events, lines, errors } = this;
    return inspect({ events, lines, errors }, { depth: Infinity, showHidden: true, maxStringLength: null });
  }
}
