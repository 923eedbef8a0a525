import { Controller, Post, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { cookie, CsrfExempt, CsrfGuard, Session, type CsrfOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { BOTH_CONTROLLERS, bothKinds, Jar, type Seen } from '../support/named-sessions.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

const CROSS_SITE = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };

@Controller('hook')
class HookController {
  @Post('none') none(): string {
    return 'done';
  }

  @Post('shop')
  @CsrfExempt()
  shop(@Session() sess: Session<Seen>): string {
    return `done ${String(sess.seen)}`;
  }

  @Post('admin')
  @CsrfExempt({ name: 'admin' })
  admin(@Session({ name: 'admin' }) sess: Session<Seen>): string {
    return `done ${String(sess.seen)}`;
  }

  @Post('both')
  @CsrfExempt({ name: 'admin' })
  @CsrfExempt()
  both(@Session() ours: Session<Seen>, @Session({ name: 'admin' }) theirs: Session<Seen>): string {
    return `done ${String(ours.seen)} ${String(theirs.seen)}`;
  }

  /** Exempt for the one, and uses the other. */
  @Post('wrong')
  @CsrfExempt()
  wrong(@Session({ name: 'admin' }) sess: Session<Seen>): string {
    return `done ${String(sess.seen)}`;
  }
}

/** What the controller says adds to what its handlers say. */
@Controller('hooks')
@CsrfExempt({ name: 'admin' })
class HooksController {
  @Post()
  @CsrfExempt()
  both(@Session() ours: Session<Seen>, @Session({ name: 'admin' }) theirs: Session<Seen>): string {
    return `done ${String(ours.seen)} ${String(theirs.seen)}`;
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('ASVS 3.5: requests from other sites, with two sessions on %s', (platform) => {
  let running: RunningApp;
  let jar: Jar;
  let stores: ProbedStore[];

  async function start(csrf: CsrfOptions, guards: Type[]): Promise<void> {
    stores = [new ProbedStore(), new ProbedStore()];
    jar = new Jar();
    running = await startApp(platform, {
      controllers: [...BOTH_CONTROLLERS, HookController, HooksController],
      providers: guards.map((useClass) => ({ provide: APP_GUARD, useClass })),
      imports: bothKinds(
        { store: stores[0] as ProbedStore, transport: cookie({ csrf }) },
        { store: stores[1] as ProbedStore, transport: cookie({ name: '__Host-admin', csrf }) },
      ),
    });
    jar.take(await call(running.url, '/both/count'));
    for (const { calls } of stores) calls.length = 0;
  }

  const only = (name: string): Record<string, string> => ({
    Cookie: (jar.headers['Cookie'] ?? '').split('; ').find((pair) => pair.startsWith(name)) ?? '',
  });
  const cross = (path: string, cookies = jar.headers): Promise<Answer> =>
    call(running.url, path, { method: 'POST', headers: { ...cookies, ...CROSS_SITE } });

  it.each(['__Host-sid', '__Host-admin'])('with %s alone are refused at once, before any store call', async (name) => {
    await start({}, []);
    const answer = await cross('/hook/none', only(name));
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([403, 'CSRF_REFUSED']);
    expect(stores.flatMap(({ calls }) => calls)).toEqual([]);
  });

  it.each(['__Host-sid', '__Host-admin'])('with %s alone are refused at the handler by CsrfGuard', async (name) => {
    await start({ at: 'handler' }, [CsrfGuard]);
    const answer = await cross('/hook/none', only(name));
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([403, 'CSRF_REFUSED']);
  });

  it('@CsrfExempt lets requests through for the session that it names, and for no other', async () => {
    await start({ at: 'handler' }, [CsrfGuard]);
    expect((await cross('/hook/shop', only('__Host-sid'))).text).toBe('done 1');
    expect((await cross('/hook/admin', only('__Host-admin'))).text).toBe('done 10');
    for (const path of ['/hook/shop', '/hook/admin', '/hook/wrong']) expect((await cross(path)).status).toBe(403);
    for (const path of ['/hook/both', '/hooks']) expect((await cross(path)).text).toBe('done 1 10');
  });

  it('without the guard too a session is of no use to a request that was not exempt', async () => {
    await start({ at: 'handler' }, []);
    expect((await cross('/hook/none')).text).toBe('done');
    for (const path of ['/hook/shop', '/hook/admin', '/hook/both']) expect((await cross(path)).status).toBe(403);
    expect(stores.flatMap(({ calls }) => calls)).toEqual([]);
  });
});
