import {
  Inject,
  Injectable,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Ack, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { Session } from 'nestjs-token-session';
import { SocketSessions } from 'nestjs-token-session/websockets';
import { tap, type Observable } from 'rxjs';
import { Barrier } from '../../support/barrier.js';
import type { Call } from './counter.gateway.js';

type Data = Record<string, unknown>;

@Injectable()
class CountingGuard implements CanActivate {
  constructor(@Inject(SocketSessions) private readonly sockets: SocketSessions) {}

  canActivate(context: ExecutionContext): boolean {
    Object.assign(this.sockets.session(context) ?? {}, { denied: 1 });
    throw new WsException('denied');
  }
}

@Injectable()
class LateInterceptor implements NestInterceptor {
  constructor(@Inject(SocketSessions) private readonly sockets: SocketSessions) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap(() => {
        Object.assign(this.sockets.session(context) ?? {}, { intercepted: 1 });
      }),
    );
  }
}

/** Handlers that a test holds between what they read and what they change. */
@WebSocketGateway()
export class HeldGateway {
  served = 0;
  before = new Barrier();
  after = new Barrier();

  @SubscribeMessage('hold')
  async hold(@Session() session: Data, @MessageBody() { id, value }: Call<Data>) {
    this.served++;
    await this.before.pass();
    Object.assign(session, value);
    return { id, value: 'held' };
  }

  @SubscribeMessage('hold-intercepted')
  @UseInterceptors(LateInterceptor)
  holdIntercepted(@Session() session: Data, @MessageBody() call: Call<Data>) {
    return this.hold(session, call);
  }

  @SubscribeMessage('manual')
  async manual(@Session() session: Data, @MessageBody() { id }: Call, @Ack() ack: (answer: unknown) => void) {
    session['manual'] = 1;
    ack({ id, value: 'manual' });
    await this.after.pass();
  }

  @SubscribeMessage('guarded')
  @UseGuards(CountingGuard)
  guarded() {
    return undefined;
  }

  @SubscribeMessage('intercepted')
  @UseInterceptors(LateInterceptor)
  intercepted(@MessageBody() { id }: Call) {
    return { id, value: 'intercepted' };
  }

  @SubscribeMessage('count')
  count(@MessageBody() { id }: Call) {
    this.served++;
    return { id, value: this.served };
  }
}
