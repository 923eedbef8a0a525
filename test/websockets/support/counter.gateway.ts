import { Inject, Injectable } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  Session,
  SessionService,
  UserId,
} from 'nestjs-token-session';
import { concat, defer, of } from 'rxjs';

export interface Counter {
  views: number;
  [key: string]: unknown;
}

/** What test clients send: see TestSocket.call. */
export interface Call<T = unknown> {
  id: number;
  value: T;
}

/** Does everything to a session once, as CounterController does. */
@WebSocketGateway()
@Injectable()
export class CounterGateway {
  /** Gets the session of each view. */
  seen: (session: Session<Counter>) => unknown = () => undefined;

  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @SubscribeMessage('views')
  views(@Session() session: Session<Counter>, @MessageBody() { id }: Call) {
    this.seen(session);
    session.views = (session.views ?? 0) + 1;
    return { id, value: session.views };
  }

  @SubscribeMessage('read')
  read(@Session('views') views: number | undefined, @MessageBody() { id }: Call) {
    return { id, value: views ?? 0 };
  }

  @SubscribeMessage('later')
  async later(@Session() session: Session<Counter>, @MessageBody() { id }: Call) {
    await Promise.resolve();
    session.views = (session.views ?? 0) + 1;
    return { id, value: session.views };
  }

  @SubscribeMessage('stream')
  stream(@Session() session: Session<Counter>, @MessageBody() { id }: Call) {
    return concat(
      defer(() => {
        session.views = 10;
        return of({ id, value: 10 });
      }),
      defer(() => {
        session.views = 20;
        return of({ event: 'second', data: 20 });
      }),
    );
  }

  @SubscribeMessage('set')
  set(@Session() session: Session<Counter>, @MessageBody() { id, value }: Call<Record<string, unknown>>) {
    Object.assign(session, value);
    return { id, value: 'set' };
  }

  @SubscribeMessage('update')
  async update(@Session() session: Session<Counter>, @MessageBody() { id }: Call) {
    await this.sessions.update(session, (draft) => {
      draft.views = (draft.views ?? 0) + 1;
    });
    return { id, value: session.views };
  }

  @SubscribeMessage('throw')
  throw(@Session() session: Session<Counter>) {
    session.views = 99;
    throw new Error('as handlers do');
  }

  @SubscribeMessage('destroy')
  async destroy(@Session() session: Session<Counter>, @MessageBody() { id }: Call) {
    await this.sessions.destroy(session);
    return { id, value: 'goodbye' };
  }

  @SubscribeMessage('login')
  async login(@Session() session: Session<Counter>) {
    await this.sessions.login(session, 'ada');
  }

  @SubscribeMessage('regenerate')
  async regenerate(@Session() session: Session<Counter>) {
    await this.sessions.regenerate(session);
  }

  @SubscribeMessage('who')
  who(@UserId() userId: string | undefined, @MessageBody() { id }: Call) {
    return { id, value: userId ?? null };
  }

  @SubscribeMessage('plain')
  plain(@MessageBody() { id, value }: Call) {
    return { id, value };
  }

  @SubscribeMessage('session')
  @RequireSession()
  session(@MessageBody() { id }: Call) {
    return { id, value: 'session' };
  }

  @SubscribeMessage('account')
  @RequireLogin({ level: 2 })
  account(@MessageBody() { id }: Call) {
    return { id, value: 'account' };
  }

  @SubscribeMessage('password')
  @RequireRecentLogin('10m')
  password(@MessageBody() { id }: Call) {
    return { id, value: 'password' };
  }
}
