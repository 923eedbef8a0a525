import { Controller, Inject, Post } from '@nestjs/common';
import { MemoryStore, Session, SessionService } from 'nestjs-token-session';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';

interface Data {
  theme?: string;
}

@Controller()
class HastyController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('login')
  login(@Session() sess: Session<Data>): void {
    void this.sessions.login(sess, 'ada');
    sess.theme = 'dark';
  }

  @Post('regenerate')
  regenerate(@Session() sess: Session<Data>): void {
    void sess.regenerate({ keep: [] });
    sess.theme = 'dark';
  }

  @Post('failed')
  async failed(@Session() sess: Session<Data>): Promise<string | undefined> {
    await this.sessions.login(sess, '').catch(() => undefined);
    sess.theme = 'dark';
    return sess.theme;
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('a change of a session that is being replaced, on %s', (platform) => {
  it.each(['login', 'regenerate'])('law 4: is refused from the call of %s on, not lost', async (operation) => {
    const app = await startApp(platform, {
      controllers: [HastyController],
      session: { store: new MemoryStore(), logger: SILENT },
    });
    expect((await call(app.url, `/${operation}`, { method: 'POST' })).status).toBe(500);
  });

  it('is taken again after a login that failed', async () => {
    const app = await startApp(platform, { controllers: [HastyController] });
    const answer = await call(app.url, '/failed', { method: 'POST' });
    expect([answer.status, answer.text]).toEqual([201, 'dark']);
  });
});
