import {
  Catch,
  Controller,
  Get,
  HttpException,
  Req,
  type ArgumentsHost,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { Agent, get } from 'node:http';
import { Session } from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { finalize, type Observable } from 'rxjs';
import { closeApps, startApp } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';

interface WithSession {
  session: Session<{ failed?: number; closed?: number }>;
}

/** Notes a failure after it has answered. */
@Catch(HttpException)
class NotingFilter extends BaseExceptionFilter {
  override catch(error: HttpException, host: ArgumentsHost): void {
    super.catch(error, host);
    const { session } = host.switchToHttp().getRequest<WithSession>();
    session.failed = (session.failed ?? 0) + 1;
  }
}

class ClosingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { session } = context.switchToHttp().getRequest<WithSession>();
    return next.handle().pipe(finalize(() => (session.closed = (session.closed ?? 0) + 1)));
  }
}

@Controller()
class FailingController {
  @Get('fail') fail(@Session() sess: Session, @Req() _request: unknown): never {
    throw new HttpException(`no, ${String(sess.isNew)}`, 418);
  }

  @Get('fine') fine(@Session() _sess: Session): object {
    return { fine: true };
  }
}

describe.each(PLATFORMS)('law 4: what is changed in the same breath as the answer on %s', (platform) => {
  afterEach(closeApps);

  it('is stored: by a filter that has answered, and by an interceptor', async () => {
    const { app, url } = await startApp(platform, {
      controllers: [FailingController],
      prepare: (nest) => {
        nest.useGlobalFilters(new NotingFilter(nest.getHttpAdapter()));
        nest.useGlobalInterceptors(new ClosingInterceptor());
      },
    });
    const sessions = testSessions(app);
    const held = await sessions.anonymous({ begun: true });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statusOf = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get(`${url}/${path}`, { agent, headers: held.headers }, (answer) => {
          answer.resume().on('end', () => {
            resolve(answer.statusCode);
          });
        }).on('error', reject);
      });
    expect([await statusOf('fail'), await statusOf('fine'), await statusOf('fail')]).toEqual([418, 200, 418]);
    agent.destroy();
    expect((await sessions.stored(held))?.data).toEqual({ begun: true, failed: 2, closed: 3 });
  });
});
