import { Controller, Get, Post, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RequireSession, Session, SessionGuard } from 'nestjs-token-session';
import { closeApps, startApp, type AppPlan } from '../support/app.js';
import { call, type Answer, type CallOptions } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

@Controller()
class OpenController {
  @Post('begin')
  begin(@Session() sess: Session<{ begun: boolean }>): void {
    sess.begun = true;
  }

  @Post('end')
  end(@Session() sess: Session): Promise<void> {
    return sess.destroy();
  }

  @Get('open')
  open(): string {
    return 'open';
  }

  @RequireSession()
  @Get('account')
  account(): string {
    return 'account';
  }
}

@RequireSession()
@Controller('admin')
class GuardedController {
  @Get()
  users(@Session() sess: Session<{ begun: boolean }>): string {
    return `users ${String(sess.begun)}`;
  }
}

/** A guard of the application that looks at the session. */
class BegunGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { session } = context.switchToHttp().getRequest<{ session: Session<{ begun: boolean }> }>();
    return session.begun === true;
  }
}

@UseGuards(BegunGuard)
@Controller('begun')
class BegunController {
  @Get()
  begun(): string {
    return 'begun';
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('guards on %s', (platform) => {
  type Get = (path: string, options?: CallOptions) => Promise<Answer>;

  async function start(plan: Partial<AppPlan> = {}): Promise<Get> {
    const controllers = [OpenController, GuardedController, BegunController];
    const { url } = await startApp(platform, { controllers, ...plan });
    return (path, options) => call(url, path, options);
  }

  async function begin(get: Get): Promise<string | undefined> {
    return (await get('/begin', { method: 'POST' })).token;
  }

  const REQUIRED = { statusCode: 401, error: 'Unauthorized', code: 'SESSION_REQUIRED' };

  it.each(['/account', '/admin'])('@RequireSession() lets a stored session to %s, and nothing else', async (path) => {
    const get = await start();
    const token = await begin(get);
    expect((await get(path, { token })).status).toBe(200);
    for (const other of [undefined, 'A'.repeat(43), 'nonsense', '']) {
      const refused = await get(path, { token: other });
      expect(refused.status).toBe(401);
      expect(refused.json()).toMatchObject(REQUIRED);
      expect(refused.token).toBeUndefined();
    }
    expect((await get('/open')).text).toBe('open');
  });

  it('law 6: @RequireSession() refuses a session that was destroyed', async () => {
    const get = await start();
    const token = await begin(get);
    await get('/end', { method: 'POST', token });
    expect((await get('/admin', { token })).status).toBe(401);
  });

  it('a refusal varies by the transport, so that no cache gives it to others', async () => {
    const get = await start();
    expect((await get('/account')).headers['vary']).toMatch(/x-auth-token/i);
  });

  it('law 9: @RequireSession() answers 503, not 401, while the store is down, and costs no second load', async () => {
    const store = new ProbedStore();
    const get = await start({ session: { store } });
    const token = await begin(get);
    await get('/admin', { token });
    expect(store.calls).toEqual(['create', 'load']);
    store.before = () => {
      throw new Error('down');
    };
    expect((await get('/account', { token })).status).toBe(503);
    expect((await get('/account')).status).toBe(401);
  });

  it('law 9: where a fault of the store is an anonymous session, @RequireSession() stays closed', async () => {
    const store = new ProbedStore();
    const get = await start({ session: { store, onStoreError: 'anonymous' } });
    const token = await begin(get);
    store.before = () => {
      throw new Error('down');
    };
    const refused = await get('/account', { token });
    expect(refused.status).toBe(401);
    expect(refused.token).toBeUndefined();
  });

  it('SessionGuard as a global guard requires a session everywhere', async () => {
    const get = await start({ providers: [{ provide: APP_GUARD, useClass: SessionGuard }] });
    expect((await get('/open')).json()).toMatchObject(REQUIRED);
    expect((await get('/begin', { method: 'POST' })).status).toBe(401);
    expect((await get('/unknown')).status).toBe(404);
  });

  it('SessionGuard by useGlobalGuards requires a session everywhere', async () => {
    const get = await start({ prepare: (app) => app.useGlobalGuards(new SessionGuard()) });
    expect((await get('/open')).status).toBe(401);
  });

  it("the application's own guards see the session", async () => {
    const get = await start();
    const token = await begin(get);
    expect((await get('/begun', { token })).text).toBe('begun');
    expect((await get('/begun')).status).toBe(403);
  });

  it.each([
    ['the module is not mounted', { imports: [] }],
    ['the path is excluded', { session: { exclude: ['/account', '/admin'] } }],
  ])('fails closed when %s', async (_case, plan: Partial<AppPlan>) => {
    const messages: string[] = [];
    const get = await start({
      ...plan,
      prepare: (app) =>
        app.useGlobalFilters({
          catch(error: Error, host) {
            messages.push(error.message);
            app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 500);
          },
        }),
    });
    for (const path of ['/account', '/admin']) expect(await get(path)).toMatchObject({ status: 500, text: 'failed' });
    expect(messages).toHaveLength(2);
    for (const message of messages) expect(message).toMatch(/SessionModule\.forRoot\(\).*`exclude`/);
  });
});

describe('SessionGuard outside of HTTP', () => {
  it('L92: fails closed, and says where it works', () => {
    const context = {
      getType: () => 'rpc',
      getHandler: () => Object,
      getClass: () => Object,
      switchToHttp: () => ({ getRequest: () => ({}) }),
    };
    expect(() => new SessionGuard().canActivate(context as unknown as ExecutionContext)).toThrow(
      expect.objectContaining({ name: 'SessionUsageError', code: 'NOT_HTTP', message: expect.stringContaining('rpc') }),
    );
  });
});
