import {
  BadRequestException,
  Controller,
  DefaultValuePipe,
  Get,
  Injectable,
  ParseIntPipe,
  Post,
  Req,
  Session as NestSession,
  type ArgumentMetadata,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ExternalContextCreator } from '@nestjs/core';
import { Session, SessionService, TokenSession } from 'nestjs-token-session';
import { closeApps, startApp, type AppPlan } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';

interface Data {
  theme: string;
  page: string;
  cart: { items: string[] };
}

@Injectable()
class Prices {
  readonly apple = 3;
}

/** A pipe class that Nest builds. */
@Injectable()
class TotalPipe implements PipeTransform<Data['cart'] | undefined, number> {
  constructor(private readonly prices: Prices) {}

  transform(cart: Data['cart'] | undefined): number {
    return (cart?.items.length ?? 0) * this.prices.apple;
  }
}

/** A pipe for the whole session. */
class ThemePipe implements PipeTransform<Session<Data>, string> {
  transform(session: Session<Data>): string {
    return session.theme ?? 'none';
  }
}

/** A class as the type of one key's data: what a ValidationPipe is meant to build. */
class Cart {
  items: string[] = [];

  get size(): number {
    return this.items.length;
  }
}

@Controller()
class AppController {
  constructor(private readonly sessions: SessionService) {}

  @Post('data')
  write(@Session() sess: Session<Data>): void {
    Object.assign(sess, { theme: 'dark', page: '7', cart: { items: ['apple', 'apple'] } });
  }

  @Get('same')
  same(@Session() sess: Session, @NestSession() nests: unknown, @Req() { session }: { session: unknown }): boolean[] {
    return [nests === sess, session === sess, sess instanceof TokenSession];
  }

  @Get('twice')
  twice(@Session() one: Session<Data>, @Session() other: Session<Data>): boolean {
    return one === other;
  }

  @Get('theme')
  theme(@Session('theme') theme: string | undefined): unknown {
    return { theme };
  }

  @Get('theme-or-light')
  themeOrLight(@Session('theme', new DefaultValuePipe('light')) theme: string): unknown {
    return { theme };
  }

  @Get('page')
  page(@Session('page', new DefaultValuePipe('1'), ParseIntPipe) page: number): unknown {
    return { page };
  }

  @Get('not-a-number')
  notANumber(@Session('theme', ParseIntPipe) theme: number): unknown {
    return { theme };
  }

  @Get('total')
  total(@Session('cart', TotalPipe) total: number): unknown {
    return { total };
  }

  @Get('piped')
  piped(@Session(ThemePipe) byClass: string, @Session(new ThemePipe()) byInstance: string): unknown {
    return { byClass, byInstance };
  }

  @Get('methods')
  methods(
    @Session('save') save: unknown,
    @Session('constructor') made: unknown,
    @Session('nothing') no: unknown,
  ): unknown {
    return { save: typeof save, made: typeof made, no: typeof no };
  }

  @Get('cart')
  cart(@Session('cart') cart: Cart): unknown {
    return { built: cart instanceof Cart, size: cart.size };
  }

  @Get('views')
  async views(@Session() sess: Session<{ views: number }>): Promise<unknown> {
    sess.views = (sess.views ?? 0) + 1;
    await this.sessions.save(sess);
    return { views: sess.views };
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('@Session() on %s', (platform) => {
  async function start(plan: Partial<AppPlan> = {}): Promise<(path: string) => Promise<Answer>> {
    const providers = [Prices, ...(plan.providers ?? [])];
    const { url } = await startApp(platform, { controllers: [AppController], ...plan, providers });
    const { token } = await call(url, '/data', { method: 'POST' });
    return (path) => call(url, path, path.endsWith('?anonymous') ? {} : { token });
  }

  it("is the very object that Nest's own @Session() and req.session give", async () => {
    const get = await start();
    expect((await get('/same')).json()).toEqual([true, true, true]);
    expect((await get('/same?anonymous')).json()).toEqual([true, true, true]);
    expect((await get('/twice')).json()).toBe(true);
  });

  it('gives one key of the data', async () => {
    const get = await start();
    expect((await get('/theme')).json()).toEqual({ theme: 'dark' });
    expect((await get('/theme?anonymous')).json()).toEqual({});
  });

  it('runs pipes over the key: defaults, several, classes with their constructor injected', async () => {
    const get = await start();
    expect((await get('/theme-or-light')).json()).toEqual({ theme: 'dark' });
    expect((await get('/theme-or-light?anonymous')).json()).toEqual({ theme: 'light' });
    expect((await get('/page')).json()).toEqual({ page: 7 });
    expect((await get('/page?anonymous')).json()).toEqual({ page: 1 });
    expect((await get('/total')).json()).toEqual({ total: 6 });
    expect((await get('/total?anonymous')).json()).toEqual({ total: 0 });
  });

  it('runs pipes over the whole session', async () => {
    const get = await start();
    expect((await get('/piped')).json()).toEqual({ byClass: 'dark', byInstance: 'dark' });
  });

  it('law 3: a key that is only read, with pipes or not, stores nothing and sends nothing', async () => {
    const get = await start();
    expect((await get('/theme-or-light?anonymous')).token).toBeUndefined();
    expect((await get('/page')).token).toBeUndefined();
  });

  it("answers a pipe's refusal as Nest does", async () => {
    const get = await start();
    expect((await get('/not-a-number')).status).toBe(400);
  });

  it('D34: a key is a name of data: names of methods and of Object.prototype give nothing', async () => {
    const get = await start();
    expect((await get('/methods')).json()).toEqual({ save: 'undefined', made: 'undefined', no: 'undefined' });
  });

  /**
   * As ValidationPipe({ validateCustomDecorators: true, transform: true }) works: what has a class as
   * its type is built from it. SWC emits the decorator function as the type of `sess: Session`.
   */
  class BuildingPipe implements PipeTransform {
    readonly types: unknown[] = [];

    transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
      this.types.push(metatype);
      const plain: unknown[] = [String, Boolean, Number, Array, Object, Buffer, Date];
      if (type !== 'custom' || metatype === undefined || plain.includes(metatype)) return value;
      if (value === null || typeof value !== 'object') throw new BadRequestException();
      return Object.assign(new (metatype as Type<object>)(), value);
    }
  }

  it('is left alone by a global pipe that builds classes, and a class as the type of a key is built', async () => {
    const pipe = new BuildingPipe();
    const get = await start({ prepare: (app) => app.useGlobalPipes(pipe) });
    expect((await get('/views')).json()).toEqual({ views: 1 });
    expect((await get('/views')).json()).toEqual({ views: 2 });
    expect((await get('/same')).json()).toEqual([true, true, true]);
    expect(pipe.types).not.toContain(Session);
    expect((await get('/cart')).json()).toEqual({ built: true, size: 2 });
    expect((await get('/cart?anonymous')).status).toBe(400);
  });

  it('without SessionModule says to import it', async () => {
    const errors: Error[] = [];
    @Controller()
    class PlainController {
      @Get('theme')
      theme(@Session('theme') theme: string): string {
        return theme;
      }
    }
    const { url } = await startApp(platform, {
      imports: [],
      controllers: [PlainController],
      prepare: (app) =>
        app.useGlobalFilters({
          catch(error: Error, host) {
            errors.push(error);
            app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 500);
          },
        }),
    });
    expect((await call(url, '/theme')).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ name: 'SessionUsageError', code: 'NOT_MOUNTED' })]);
    expect(errors[0]?.message).toContain('SessionModule.forRoot()');
  });
});

describe('@Session() outside of HTTP', () => {
  it.each(['rpc', 'ws'])('L92: in a %s handler says what to do instead', async (kind) => {
    const { get } = await startApp('express', { controllers: [AppController], providers: [Prices] });
    const controller = get(AppController);
    // How Nest calls handlers of other transports, without one of them.
    const handle = get(ExternalContextCreator).create(
      controller,
      controller.theme as () => unknown,
      'theme',
      ROUTE_ARGS_METADATA,
      { exchangeKeyForValue: () => undefined },
      undefined,
      undefined,
      { guards: false, interceptors: false, filters: false },
      kind,
    );
    await expect(handle({}, {})).rejects.toMatchObject({
      code: 'NOT_HTTP',
      message: expect.stringMatching(new RegExp(`${kind} handler.*SessionService\\.load\\(token\\)`)),
    });
  });
});
