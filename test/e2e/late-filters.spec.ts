import { Catch, Controller, Get, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { header, Session } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

/** Answers by a callback, long after `catch` has returned nothing, as `res.render` and `fs.readFile` make filters do. */
@Catch()
class CallbackFilter implements ExceptionFilter {
  static readonly asked = new Barrier();

  catch(_error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: string): void } }>();
    void CallbackFilter.asked.pass().then(() => response.status(418).send('by the filter'));
  }
}

@Controller()
class CountController {
  @Get('count')
  count(@Session() sess: Session<{ n: number }>): string {
    sess.n = 1;
    return 'counted';
  }

  @Get('twice')
  twice(@Session() sess: unknown): string {
    return typeof sess;
  }
}

describe.each(PLATFORMS)('what the application adds on %s', (platform) => {
  afterEach(closeApps);

  it('law 4: a filter that answers later, by a callback, is waited for', async () => {
    const store = new ProbedStore();
    store.before = () => {
      throw new Error('down');
    };
    const { url } = await startApp(platform, {
      controllers: [CountController],
      providers: [{ provide: APP_FILTER, useClass: CallbackFilter }],
      session: { store },
    });
    const answering = call(url, '/count');
    await CallbackFilter.asked.arrived;
    CallbackFilter.asked.open();
    const answer = await answering;
    expect([answer.status, answer.text]).toEqual([418, 'by the filter']);
  });

  it('law 9: a choice of transport that throws is a 500 at each use, and the process lives', async () => {
    const byHeader = header();
    const { url } = await startApp(platform, {
      controllers: [CountController],
      session: {
        transport: {
          accept: [byHeader],
          issue: () => {
            throw new Error('no tenant');
          },
        },
      },
      // Looks at the session first, and lets the handler look again.
      prepare: (app) => {
        app.useGlobalGuards({
          canActivate: (context) => {
            try {
              return context.switchToHttp().getRequest<{ session: unknown }>().session !== null;
            } catch {
              return true;
            }
          },
        });
      },
    });
    expect((await call(url, '/twice')).status).toBe(500);
    expect((await call(url, '/twice')).status).toBe(500);
  });
});
