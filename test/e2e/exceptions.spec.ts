import {
  Catch,
  Controller,
  createParamDecorator,
  ForbiddenException,
  Get,
  ImATeapotException,
  Injectable,
  Query,
  Req,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { throwError, type Observable } from 'rxjs';
import type { AnyResponse } from '../support/answers.js';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Data = Session<{ views: number; by: string }>;
interface SessionRequest {
  session: Data;
  query: { act?: string };
}

/** What the request's query asks for, done to its session. */
async function act({ session, query }: SessionRequest, by: string): Promise<void> {
  if (query.act === 'destroy') await session.destroy();
  else if (query.act === 'regenerate') {
    const next = (await session.regenerate({ keep: ['views'] })) as Data;
    next.by = by;
  } else session.by = by;
}

const requestOf = (context: ExecutionContext | ArgumentsHost): SessionRequest =>
  context.switchToHttp().getRequest<SessionRequest>();

@Injectable()
class ThrowingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await act(requestOf(context), 'guard');
    throw new ImATeapotException();
  }
}

@Injectable()
class DenyingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await act(requestOf(context), 'denying guard');
    return false;
  }
}

class ThrowingPipe implements PipeTransform {
  async transform(request: SessionRequest): Promise<never> {
    await act(request, 'pipe');
    throw new ImATeapotException();
  }
}

const RawRequest = createParamDecorator((_data: unknown, context: ExecutionContext) => requestOf(context));

class BeforeInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext): Promise<Observable<unknown>> {
    await act(requestOf(context), 'interceptor');
    throw new ImATeapotException();
  }
}

class AfterInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    next.handle();
    return throwError(() => new ImATeapotException());
  }
}

@Catch(ForbiddenException)
class ActingFilter implements ExceptionFilter {
  async catch(error: ForbiddenException, host: ArgumentsHost): Promise<void> {
    await act(requestOf(host), 'filter');
    host.switchToHttp().getResponse<AnyResponse>().status(418).send({ filtered: error.message });
  }
}

@Controller()
class ThrowingController {
  @Get('new') create(@Session() session: Data) {
    session.views = 1;
  }

  @Get('guard')
  @UseGuards(ThrowingGuard)
  guard() {
    return 'never';
  }

  @Get('denied')
  @UseGuards(DenyingGuard)
  denied() {
    return 'never';
  }

  @Get('pipe') pipe(@RawRequest(ThrowingPipe) _request: unknown) {
    return 'never';
  }

  @Get('interceptor')
  @UseInterceptors(BeforeInterceptor)
  interceptor() {
    return 'never';
  }

  @Get('after-handler')
  @UseInterceptors(AfterInterceptor)
  async afterHandler(@Req() request: SessionRequest) {
    await act(request, 'handler');
  }

  @Get('handler') async handler(@Req() request: SessionRequest) {
    await act(request, 'handler');
    throw new ImATeapotException();
  }

  @Get('fault') async fault(@Req() request: SessionRequest) {
    await act(request, 'fault');
    throw new Error('not an HttpException');
  }

  @Get('filter')
  @UseFilters(ActingFilter)
  filter() {
    throw new ForbiddenException();
  }

  @Get('swallowed') async swallowed(@Session() session: Data, @Query('status') status?: string) {
    await session.save().catch(() => undefined);
    session.views = 2;
    await session.save().catch(() => undefined);
    if (status === 'error') throw new ImATeapotException();
    return 'as if nothing had happened';
  }
}

/** Where an exception comes from, the status of its answer, and who changed the session. */
const PLACES: [string, number, string][] = [
  ['guard', 418, 'guard'],
  ['denied', 403, 'denying guard'],
  ['pipe', 418, 'pipe'],
  ['interceptor', 418, 'interceptor'],
  ['handler', 418, 'handler'],
  ['fault', 500, 'fault'],
  ['filter', 418, 'filter'],
];

describe.each(PLATFORMS)('exceptions on %s', (platform) => {
  let store: ProbedStore;
  let running: RunningApp;
  let sessions: SessionService;

  beforeAll(async () => {
    store = new ProbedStore();
    running = await startApp(platform, { controllers: [ThrowingController], session: { store } });
    sessions = running.get(SessionService);
  });
  afterAll(closeApps);
  beforeEach(() => {
    store.before = undefined;
  });

  const stored = async (): Promise<string> => (await call(running.url, '/new')).token as string;

  it.each(PLACES)('L87: a change made before an exception in a %s is stored', async (place, status, by) => {
    const token = await stored();
    const answer = await call(running.url, `/${place}`, { token });
    expect([answer.status, answer.token]).toEqual([status, undefined]);
    expect(await sessions.load(token)).toMatchObject({ views: 1, by });
  });

  it.each(PLACES)(
    'L87: a new session changed before an exception in a %s gets its token',
    async (place, status, by) => {
      const answer = await call(running.url, `/${place}`);
      expect([answer.status, answer.headers['cache-control']]).toEqual([status, 'no-store']);
      expect(await sessions.load(answer.token ?? '')).toMatchObject({ by });
    },
  );

  it.each(PLACES)('L87: a session destroyed before an exception in a %s stays dead', async (place, status) => {
    const token = await stored();
    const answer = await call(running.url, `/${place}?act=destroy`, { token });
    expect([answer.status, answer.token]).toEqual([status, '']);
    expect(await sessions.load(token)).toBeUndefined();
  });

  it.each(PLACES)('L87: a token renewed before an exception in a %s is handed out', async (place, status, by) => {
    const token = await stored();
    const answer = await call(running.url, `/${place}?act=regenerate`, { token });
    expect(answer.status).toBe(status);
    expect(await sessions.load(token)).toBeUndefined();
    expect(await sessions.load(answer.token ?? '')).toMatchObject({ views: 1, by });
  });

  it('F77: a destroy that the store refused is no success, whatever the handler answers', async () => {
    const token = await stored();
    store.before = (operation) => {
      if (operation === 'destroy') throw new Error('down');
    };
    // The handler's own exception is the store's error here: it awaited the destroy.
    const answer = await call(running.url, '/handler?act=destroy', { token });
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'STORE_UNAVAILABLE' }]);
    expect(answer.token).toBeUndefined();
  });

  it('law 4: a failed save that the handler swallowed is no success; an error answer stays as it is', async () => {
    const token = await stored();
    store.before = (operation) => {
      if (operation === 'update') throw new Error('down');
    };
    const success = await call(running.url, '/swallowed', { token });
    const error = await call(running.url, '/swallowed?status=error', { token });
    expect([success.status, success.json()]).toMatchObject([503, { code: 'STORE_UNAVAILABLE' }]);
    expect([503, 418]).toContain(error.status);
  });
});
