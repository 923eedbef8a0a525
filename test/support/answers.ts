import {
  Catch,
  ConflictException,
  Controller,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  HttpException,
  Injectable,
  Module,
  Post,
  Redirect,
  Req,
  Res,
  Sse,
  StreamableFile,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type MessageEvent,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { of, type Observable } from 'rxjs';
import type { Platform } from './platforms.js';

/** A request of either platform; without the session layer it has no session. */
export type AnyRequest = object & { session?: { seen?: number } };

/** What Express's response and Fastify's reply have in common. */
export interface AnyResponse {
  raw?: ServerResponse;
  hijack?: () => void;
  status(code: number): this;
  header(name: string, value: string): this;
  type(name: string): this;
  send(body?: unknown): unknown;
  redirect(url: string): unknown;
}

/** Makes the session worth storing; nothing in an application without the session layer. */
export function change(request: AnyRequest): void {
  if (request.session !== undefined) request.session.seen = (request.session.seen ?? 0) + 1;
}

/** Node's response, taken out of the framework's hands. */
export function takeOver(response: AnyResponse): ServerResponse {
  response.hijack?.();
  return response.raw ?? (response as unknown as ServerResponse);
}

/** The piped body: 3 MiB, far more than any buffer on the way holds. */
export const LARGE = Array.from({ length: 48 }, (_, index) => Buffer.alloc(65_536, 97 + (index % 26)));

@Injectable()
class DenyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    change(context.switchToHttp().getRequest());
    return false;
  }
}

/** Every way to answer that NestJS has; each changes the session first. */
@Controller('answers')
export class AnswersController {
  /** Uses no session: for looking whether the process goes on. */
  @Get('plain') plain() {
    return 'plain';
  }

  @Get('object') object(@Req() request: AnyRequest) {
    change(request);
    return { ok: true };
  }

  @Get('string') string(@Req() request: AnyRequest) {
    change(request);
    return 'text';
  }

  @Get('nothing') nothing(@Req() request: AnyRequest): void {
    change(request);
  }

  @Post('created')
  @Header('X-App', 'yes')
  @Header('Cache-Control', 'private')
  @Header('Vary', 'Accept')
  created(@Req() request: AnyRequest) {
    change(request);
    return { id: 1 };
  }

  @Get('no-content')
  @HttpCode(204)
  noContent(@Req() request: AnyRequest): void {
    change(request);
  }

  @Get('slow') async slow(@Req() request: AnyRequest) {
    await turn();
    change(request);
    await turn();
    return { slow: true };
  }

  @Get('http-exception') httpException(@Req() request: AnyRequest) {
    change(request);
    throw new ConflictException('taken');
  }

  @Get('error') error(@Req() request: AnyRequest) {
    change(request);
    throw new Error('a fault of the handler');
  }

  @Get('res') res(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    response.status(202).header('X-App', 'yes').send({ ok: true });
  }

  @Get('passthrough') passthrough(@Req() request: AnyRequest, @Res({ passthrough: true }) response: AnyResponse) {
    change(request);
    response.status(202).header('ETag', '"mine"').header('Set-Cookie', 'app=1');
    return { ok: true };
  }

  @Get('buffer') buffer(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    response.type('application/octet-stream').send(Buffer.from([0, 1, 2, 255]));
  }

  @Get('raw-end') rawEnd(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.statusCode = 203;
    raw.statusMessage = 'As Told';
    raw.setHeader('Content-Type', 'text/plain');
    raw.end('raw');
  }

  @Get('double-end') doubleEnd(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.end('first');
    raw.end();
  }

  @Get('end-encoded') endEncoded(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.end('6869', 'hex', () => undefined);
  }

  @Get('end-callback') endCallback(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.write('begun, ');
    raw.end(() => undefined);
  }

  @Get('write-head-object') writeHeadObject(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.setHeader('Set-Cookie', 'dropped=1');
    raw.writeHead(201, { 'Content-Type': 'text/plain', 'Content-Length': 4, 'set-cookie': ['a=1', 'b=2'] }).end('head');
  }

  @Get('write-head-list') writeHeadList(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.writeHead(201, ['Content-Type', 'text/plain', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('head');
  }

  @Get('write-head-pairs') writeHeadPairs(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.writeHead(201, [
      ['Content-Type', 'text/plain'],
      ['Set-Cookie', ['a=1', 'b=2']],
    ] as never);
    raw.end('head');
  }

  @Get('write-head-reason') writeHeadReason(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    takeOver(response).writeHead(201, 'Made Up', { 'Content-Type': 'text/plain', 'Set-Cookie': 'a=1' }).end('head');
  }

  @Get('write-head-status') writeHeadStatus(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    takeOver(response).setHeader('X-App', 'yes').writeHead(204).end();
  }

  @Get('trailers') trailers(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.writeHead(200, { Trailer: 'X-Sum' });
    raw.write('summed');
    raw.addTrailers({ 'X-Sum': '42' });
    raw.end();
  }

  @Get('early-write') async earlyWrite(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.write('one, ');
    await turn();
    raw.write('two, ');
    await turn();
    raw.end('three');
  }

  @Get('flush-headers') async flushHeaders(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const raw = takeOver(response);
    raw.setHeader('Content-Type', 'text/plain');
    raw.flushHeaders();
    await turn();
    raw.end('late');
  }

  @Get('redirect-decorator')
  @Redirect('/elsewhere', 301)
  redirectDecorator(@Req() request: AnyRequest): void {
    change(request);
  }

  @Get('redirect-dynamic')
  @Redirect('/elsewhere')
  redirectDynamic(@Req() request: AnyRequest) {
    change(request);
    return { url: '/there', statusCode: 307 };
  }

  @Get('redirect-res') redirectRes(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    response.redirect('/elsewhere');
  }

  @Get('file-buffer') fileBuffer(@Req() request: AnyRequest) {
    change(request);
    return new StreamableFile(Buffer.from('a file'), { type: 'text/csv', disposition: 'attachment; filename="a.csv"' });
  }

  @Get('file-stream') fileStream(@Req() request: AnyRequest) {
    change(request);
    return new StreamableFile(Readable.from(['a ', 'file']), { type: 'text/csv' });
  }

  @Sse('sse') sse(@Req() request: AnyRequest): Observable<MessageEvent> {
    change(request);
    return of({ data: 'one' }, { data: { two: 2 }, id: '7', type: 'named' });
  }

  @Get('pipe') async pipe(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    // As `for await` does it where a client leaves: what ends the answer early is no fault of the handler.
    await pipeline(Readable.from(LARGE), takeOver(response)).catch(() => undefined);
  }

  @Get('send-stream') sendStream(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    const file = createReadStream('LICENSE');
    if (response.raw === undefined) file.pipe(response as unknown as ServerResponse);
    else response.type('text/plain').send(file);
  }

  @Get('send-then-throw') sendThenThrow(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    response.status(202).send('sent');
    throw new Error('too late');
  }

  /** No kind of its own: what ends such an answer is the filter that finds it begun. */
  @Get('write-then-throw') writeThenThrow(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    change(request);
    (response.raw ?? (response as unknown as ServerResponse)).write('begun');
    throw new Error('too late');
  }

  @Get('guard')
  @UseGuards(DenyGuard)
  guard(): string {
    return 'never';
  }
}

/** Only Express sends files by name. */
@Controller('answers')
export class ExpressAnswersController {
  @Get('send-file') sendFile(@Req() request: AnyRequest, @Res() response: { sendFile(path: string, o: object): void }) {
    change(request);
    response.sendFile('LICENSE', { root: process.cwd() });
  }
}

type Next = (error?: unknown) => void;

/** The middleware kinds: middleware sees Node's request and response on Fastify. */
@Module({})
export class AnswersMiddlewareModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((request: IncomingMessage & AnyRequest, _response: ServerResponse, next: Next) => {
        change(request);
        next();
      })
      .forRoutes('answers/middleware-404');
    consumer
      .apply((request: IncomingMessage & AnyRequest, response: ServerResponse) => {
        change(request);
        response.setHeader('ETag', '"mine"');
        response.end('by middleware');
      })
      .forRoutes('answers/middleware-ends');
    consumer
      .apply((request: IncomingMessage & AnyRequest) => {
        change(request);
        throw new ForbiddenException('by middleware');
      })
      .forRoutes('answers/middleware-throws');
    consumer
      .apply((request: IncomingMessage & AnyRequest, _response: ServerResponse, next: Next) => {
        change(request);
        next(new ForbiddenException('by middleware'));
      })
      .forRoutes('answers/middleware-next-error');
  }
}

export interface AnswerKind {
  readonly name: string;
  readonly path: string;
  readonly method: string;
}

const kind = (name: string, method = 'GET'): AnswerKind => ({
  name: method === 'GET' ? name : `${method} ${name}`,
  path: `/answers/${name}`,
  method,
});

const MIDDLEWARE_KINDS = ['middleware-404', 'middleware-ends', 'middleware-throws', 'middleware-next-error'];

const COMMON_KINDS = [
  ...['object', 'string', 'nothing', 'no-content', 'slow', 'http-exception', 'error'],
  ...['res', 'passthrough', 'buffer', 'raw-end', 'double-end', 'end-encoded', 'end-callback'],
  ...['write-head-object', 'write-head-list', 'write-head-pairs', 'write-head-reason', 'write-head-status'],
  ...['trailers', 'early-write', 'flush-headers', 'redirect-decorator', 'redirect-dynamic', 'redirect-res'],
  ...['file-buffer', 'file-stream', 'sse', 'pipe', 'send-stream', 'send-then-throw', 'guard'],
];

/** Every kind of answer that a platform has. */
export function kindsOf(platform: Platform): AnswerKind[] {
  return [
    ...COMMON_KINDS.map((name) => kind(name)),
    ...MIDDLEWARE_KINDS.map((name) => kind(name)),
    kind('created', 'POST'),
    ...['object', 'file-buffer', 'raw-end', 'redirect-decorator'].map((name) => kind(name, 'HEAD')),
    ...(platform === 'express' ? [kind('send-file')] : []),
  ];
}

/** The controllers of all kinds. */
export function answersOf(platform: Platform) {
  return platform === 'express' ? [AnswersController, ExpressAnswersController] : [AnswersController];
}

/** A global filter as applications have them: marks its answers, and notes whose response it was given. */
@Catch()
export class MarkingFilter implements ExceptionFilter {
  readonly caught: { error: unknown; givenFrameworks: boolean }[] = [];
  /** Runs before the filter answers. */
  before: (() => unknown) | undefined;

  constructor(private readonly platform: Platform) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const response = host.switchToHttp().getResponse<AnyResponse>();
    const raw = response.raw ?? (response as unknown as ServerResponse);
    const givenFrameworks =
      typeof response.send === 'function' && (response.raw !== undefined) === (this.platform === 'fastify');
    this.caught.push({ error, givenFrameworks });
    if (this.before !== undefined) await this.before();
    // Too late, as with every filter whose handler had answered before it threw.
    if (raw.headersSent) return;
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const body = { filtered: true, code: (error as { code?: string }).code };
    if (givenFrameworks) {
      response.status(status).header('X-Filter', 'yes').send(body);
      return;
    }
    // What a middleware of Nest throws on Fastify comes with Node's response.
    raw.writeHead(status, { 'X-Filter': 'raw', 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }
}
