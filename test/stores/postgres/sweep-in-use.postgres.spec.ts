import { Controller, Get, Post } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { TestClock } from 'nestjs-token-session/testing';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';
import { hostOf, openStore } from './subject.js';

const MINUTE = 60_000;

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);
failOnUnhandledRejections();

@Controller()
class LoginController {
  constructor(private readonly sessions: SessionService) {}
  @Post('login') async login(@Session() sess: Session): Promise<void> {
    await this.sessions.login(sess, 'ada');
  }
  @Get('who') who(@Session() sess: Session): string | undefined {
    return this.sessions.info(sess).userId;
  }
}

describe.each(PLATFORMS)('14.2.7: through an application, on %s', (platform) => {
  it('a session in use lives through 60 sweeps in 10 hours; the tombstone of a login goes with the first after a minute', async () => {
    const pool = poolOf(await server.createDatabase());
    const clock = new TestClock();
    const store = await openStore({ pool }, hostOf(clock.now));
    const rows = async (): Promise<object[]> => (await pool.query<object>('SELECT id FROM token_session')).rows;
    const { url, get } = await startApp(platform, {
      controllers: [LoginController],
      session: { store, clock: clock.now },
    });
    const first = (await call(url, '/login', { method: 'POST' })).token;
    const { token } = await call(url, '/login', { method: 'POST', token: first });
    expect(await rows()).toHaveLength(2);
    clock.advance(MINUTE);
    expect(await get(SessionService).sweep()).toBe(1);
    expect(await rows()).toHaveLength(1);
    for (let hour = 0; hour < 10; hour += 1 / 6) {
      clock.advance(10 * MINUTE);
      expect((await call(url, '/who', { token })).text).toBe('ada');
      expect(await get(SessionService).sweep()).toBe(0);
    }
    expect(await store.users.list('ada')).toHaveLength(1);
    clock.advance(30 * MINUTE);
    expect(await get(SessionService).sweep()).toBe(1);
    expect(await rows()).toEqual([]);
  });
});
