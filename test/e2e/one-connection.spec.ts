import { Controller, Get } from '@nestjs/common';
import { Agent, get, type Server } from 'node:http';
import { Session, SessionService } from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { closeApps, startApp } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';

@Controller()
class WhoController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  who(@Session() sess: Session<{ name: string }>): object {
    return { name: sess.name ?? null };
  }

  @Get('out')
  async out(@Session() sess: Session): Promise<object> {
    await this.sessions.destroy(sess);
    return { name: 'out' };
  }
}

describe.each(PLATFORMS)('requests of several clients on one connection, as behind a proxy, on %s', (platform) => {
  let agent: Agent;
  beforeEach(() => (agent = new Agent({ keepAlive: true, maxSockets: 1 })));
  afterEach(async () => {
    agent.destroy();
    await closeApps();
  });

  function nameOf(url: string, token?: string): Promise<unknown> {
    const headers = token === undefined ? {} : { 'X-Auth-Token': token };
    return new Promise((resolve, reject) => {
      get(url, { agent, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => {
          resolve((JSON.parse(text) as { name: unknown }).name);
        });
      }).on('error', reject);
    });
  }

  it('H4, H24: each has the session of its own token, and who sends none or a dead one has none', async () => {
    const { app, url } = await startApp(platform, { controllers: [WhoController] });
    let connections = 0;
    (app.getHttpServer() as Server).on('connection', () => connections++);
    const sessions = testSessions(app);
    const [ada, bob] = [await sessions.anonymous({ name: 'Ada' }), await sessions.anonymous({ name: 'Bob' })];
    const nearly = `${ada.token.startsWith('A') ? 'B' : 'A'}${ada.token.slice(1)}`;
    const names: unknown[] = [];
    for (const token of [ada.token, ada.token, bob.token, undefined, ada.token, nearly, ada.token, 'x', bob.token]) {
      names.push(await nameOf(url, token));
    }
    expect(names).toEqual(['Ada', 'Ada', 'Bob', null, 'Ada', null, 'Ada', null, 'Bob']);
    await nameOf(`${url}/out`, bob.token);
    expect([await nameOf(url, bob.token), await nameOf(url, ada.token)]).toEqual([null, 'Ada']);
    expect(connections).toBe(1);
  });
});
