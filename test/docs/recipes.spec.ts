import { Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { header, MemoryStore, RequireSession, Session, SessionModule, SessionService } from 'nestjs-token-session';
import { FaultyStore } from 'nestjs-token-session/testing';
import { get } from 'node:http';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { exampleOf } from './support/examples.js';

const PAGE = 'docs/recipes.md';

interface Shop {
  cart: string[];
  theme: string;
  tries: number;
}
type SignIn = (sessions: SessionService, sess: Session<Shop>, userId: string, saved: string[]) => Promise<void>;
type CountTry = (sessions: SessionService, sess: Session<Shop>) => Promise<void>;

describe.each(PLATFORMS)('docs/recipes.md on %s', (platform) => {
  afterEach(closeApps);

  it('flash messages: of two requests at once only one finds the message', async () => {
    const { OrdersController } = await exampleOf<{ OrdersController: Type }>(PAGE, 'class OrdersController');
    const store = new FaultyStore();
    const { url } = await startApp(platform, { controllers: [OrdersController], session: { store } });
    const { token, status } = await call(url, '/orders', { method: 'POST' });
    expect(status).toBe(302);
    const held = store.hold('update');
    const slow = call(url, '/orders', { token });
    await held.arrived;
    expect((await call(url, '/orders', { token })).json()).toEqual({ flash: 'Your order is on its way.' });
    held.release();
    expect((await slow).json()).toEqual({});
  });

  it('a cart that survives the login, and a counter that misses none', async () => {
    const { signIn } = await exampleOf<{ signIn: SignIn }>(PAGE, 'export async function signIn');
    const { countTry } = await exampleOf<{ countTry: CountTry }>(PAGE, 'export function countTry');

    @Controller()
    class ShopController {
      constructor(private readonly sessions: SessionService) {}

      @Post('fill') fill(@Session() sess: Session<Shop>): void {
        Object.assign(sess, { cart: ['tea'], theme: 'dark', other: 1 });
      }

      @Post('sign-in') signIn(@Session() sess: Session<Shop>): Promise<void> {
        return signIn(this.sessions, sess, 'ada', ['tea', 'milk']);
      }

      @Post('count') count(@Session() sess: Session<Shop>): Promise<void> {
        return countTry(this.sessions, sess);
      }

      @Get('data') data(@Session() sess: Session<Shop>): object {
        return { ...sess };
      }
    }
    const store = new FaultyStore();
    const { url } = await startApp(platform, { controllers: [ShopController], session: { store } });
    const anonymous = await call(url, '/fill', { method: 'POST' });
    const { token } = await call(url, '/sign-in', { method: 'POST', token: anonymous.token });
    const held = store.hold('update');
    const slow = call(url, '/count', { method: 'POST', token });
    await held.arrived;
    await call(url, '/count', { method: 'POST', token });
    held.release();
    await slow;
    expect((await call(url, '/data', { token })).json()).toEqual({ cart: ['tea', 'milk'], theme: 'dark', tries: 2 });
  });

  it('a stream ends with its session, and keeps something by a session of its own', async () => {
    const { NewsController } = await exampleOf<{ NewsController: Type }>(PAGE, 'class NewsController');

    @Controller()
    class OutController {
      constructor(private readonly sessions: SessionService) {}

      @Post('in') async in(@Session() sess: Session): Promise<void> {
        await this.sessions.login(sess, 'ada');
      }

      @Post('out') @RequireSession() out(@Session() sess: Session): Promise<void> {
        return sess.destroy();
      }

      @Get('data') data(@Session() sess: Session): object {
        return { ...sess };
      }
    }
    const { url, app } = await startApp(platform, { controllers: [NewsController, OutController] });
    const { token = '' } = await call(url, '/in', { method: 'POST' });
    const over = new Promise<void>((ended, failed) => {
      get(`${url}/news`, { headers: { 'X-Auth-Token': token } }, (news) => {
        news.once('data', () => {
          const news$ = app.get<{ remember(token: string, last: number): Promise<void> }>(NewsController);
          news$
            .remember(token, 7)
            .then(async () => expect((await call(url, '/data', { token })).json()).toEqual({ last: 7 }))
            .then(() => call(url, '/out', { method: 'POST', token }))
            .catch(failed);
        });
        news.on('end', ended);
      }).on('error', failed);
    });
    await over;
    expect((await call(url, '/news', { token })).status).toBe(401);
  });

  it('signs everybody out by a script', async () => {
    const { signEverybodyOut } = await exampleOf<{ signEverybodyOut: (module: Type) => Promise<void> }>(
      PAGE,
      'export async function signEverybodyOut',
    );

    @Controller()
    class ViewsController {
      @Get() views(@Session() sess: Session<{ views: number }>): string {
        return String((sess.views = (sess.views ?? 0) + 1));
      }
    }
    const store = new MemoryStore();
    const { url } = await startApp(platform, { controllers: [ViewsController], session: { store } });
    const { token } = await call(url, '/');
    expect((await call(url, '/', { token })).text).toBe('2');

    @Module({ imports: [SessionModule.forRoot(store, { transport: header() })] })
    class AppModule {}
    await signEverybodyOut(AppModule);
    expect((await call(url, '/', { token })).text).toBe('1');
  });
});
