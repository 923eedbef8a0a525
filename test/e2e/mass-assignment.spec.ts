import { Body, Controller, Post } from '@nestjs/common';
import { Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { info, pairsOf, ScriptedApp, type Data } from '../support/scripted.js';

@Controller()
class ProfileController {
  constructor(private readonly sessions: SessionService) {}

  /** What must not be written, and is. */
  @Post('assign')
  assign(@Session() session: Session<Data>, @Body() body: Data): void {
    Object.assign(session, body);
  }

  @Post('update')
  async update(@Session() session: Session<Data>, @Body() body: Data): Promise<void> {
    await this.sessions.update(session, (draft) => Object.assign(draft, body));
  }
}

const FAR = Date.UTC(2100, 0, 1);

/** Everything that a session is known by, under the names of the API, the record and simple stores. */
const IDENTITY = {
  userId: 'ada',
  user_id: 'ada',
  authenticatedAt: FAR,
  level: 9,
  label: 'planted',
  device: { address: '10.0.0.1' },
  persistent: false,
  marks: { authenticatedAt: FAR, level: 9 },
};
const TIMES = { startedAt: FAR, usedAt: FAR, idleTimeout: FAR, absoluteTimeout: FAR, idleExpiresAt: FAR };
const PLANTED = {
  ...IDENTITY,
  ...TIMES,
  version: '1',
  payload: `1${JSON.stringify(IDENTITY)}\n{}`,
  token: 'A'.repeat(43),
  'nestjs-token-session': { ...IDENTITY, ...TIMES, version: '1', users: [['x', { endsAt: FAR, settled: true }]] },
  '1{"level":9}\n': '\n1{"level":9}\n{}',
};

afterEach(closeApps);

describe.each(PLATFORMS)('mass assignment on %s (ASVS 15.3.3)', (platform) => {
  describe.each(pairsOf(platform))('with $store by $carrier.name', ({ build, carrier }) => {
    let app: ScriptedApp;
    let clock: TestClock;

    beforeEach(async () => {
      clock = new TestClock();
      const store = build() as NonNullable<SessionOptions['store']>;
      app = await ScriptedApp.start(
        platform,
        { store, clock: clock.now },
        { carrier, controllers: [ProfileController] },
      );
    });

    /** Posts the body with this session, and gives the token that counts from then on. */
    async function post(path: string, token?: string): Promise<string> {
      const headers = token === undefined ? {} : carrier.send(token);
      const answer = await call(app.running.url, path, { method: 'POST', headers, body: PLANTED });
      expect(answer.status).toBe(201);
      return carrier.received(answer) ?? (token as string);
    }

    describe.each(['/assign', '/update'])('by %s', (path) => {
      it.each(['a new', 'a stored'])('data bind %s anonymous session to nobody, and move no clock', async (kind) => {
        const before = kind === 'a new' ? undefined : (await app.run((sess) => void (sess['cart'] = 1))).issued;
        const token = await post(path, before);
        const now = clock.now();
        expect((await app.run(info, token)).result).toEqual({
          id: expect.any(String),
          token,
          isNew: false,
          level: 0,
          persistent: true,
          startedAt: now,
          usedAt: now,
          idleExpiresAt: now + 30 * 60_000,
          absoluteExpiresAt: now + 12 * 3_600_000,
        });
        expect(await app.sessions.list('ada')).toEqual([]);
        expect(await app.sessions.destroyAll('ada')).toBe(0);
        expect(await app.dataOf(token)).toMatchObject(PLANTED);
        clock.advance(30 * 60_000);
        expect(await app.opening(token)).toEqual([false]);
      });

      it('data change nothing of what a login has noted', async () => {
        const token = await app.signIn('bob', { label: 'phone' });
        const { result } = await app.run(info, token);
        expect(await post(path, token)).toBe(token);
        expect((await app.run(info, token)).result).toEqual(result);
        expect(result).toMatchObject({ userId: 'bob', label: 'phone', level: 1 });
        expect([await app.sessions.list('ada'), await app.sessions.list('bob')]).toMatchObject([[], [{ level: 1 }]]);
      });
    });

    it('data that move along at a login are data: the session is of whom login() names', async () => {
      const visitor = await post('/assign');
      const token = await app.signIn('bob', { keep: Object.keys(PLANTED) }, visitor);
      expect((await app.run(info, token)).result).toMatchObject({
        userId: 'bob',
        level: 1,
        authenticatedAt: clock.now(),
      });
      expect(await app.dataOf(token)).toEqual(PLANTED);
      expect([await app.sessions.list('ada'), await app.sessions.list('bob')]).toMatchObject([[], [{ userId: 'bob' }]]);
    });

    it('userId stays free for data, and can be read as such', async () => {
      const answer = await app.run((session) => {
        session['userId'] = 'ada';
        return { ...session };
      });
      expect(answer.result).toEqual({ userId: 'ada' });
      expect(await app.dataOf(answer.issued as string)).toEqual({ userId: 'ada' });
      expect(await app.sessions.list('ada')).toEqual([]);
    });
  });
});
