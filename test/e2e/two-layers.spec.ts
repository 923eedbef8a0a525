import { Controller, Get } from '@nestjs/common';
import { MemoryStore, Session, session } from 'nestjs-token-session';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';

@Controller()
class CountController {
  @Get('count')
  count(@Session() sess: Session<{ n: number }>): number {
    return (sess.n = (sess.n ?? 0) + 1);
  }
}

describe.each(PLATFORMS)('two session layers on %s', (platform) => {
  afterEach(closeApps);

  it('law 12: session() in main.ts beside the module is told once, with what to do', async () => {
    const first = new MemoryStore();
    const running = await startApp(platform, {
      controllers: [CountController],
      prepare: (app) => app.use(session({ store: first, logger: SILENT })),
    });
    const events = collectEvents(running);
    const { token } = await call(running.url, '/count');
    expect((await call(running.url, '/count', { token })).text).toBe('2');
    expect(first.count()).toBe(1);
    expect(events).toEqual([{ type: 'store_notice', reason: expect.stringMatching(/Remove one/) as string }]);
  });

  it('the module alone has nothing to tell, also where it is mounted in two ways', async () => {
    const running = await startApp(platform, { controllers: [CountController] });
    const events = collectEvents(running);
    await call(running.url, '/count');
    expect(events.map(({ type }) => type)).toEqual(['session_created']);
  });
});
