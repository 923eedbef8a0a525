import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { RequireLogin, Session, UserId } from 'nestjs-token-session';
import { SocketSessions } from 'nestjs-token-session/websockets';
import type { Server, Socket } from 'socket.io';

/** What the others see of a message. */
export interface Said {
  readonly user: string;
  readonly text: string;
}

/** One room for all who are signed in. It knows nothing of the end of sessions: that closes their sockets. */
@WebSocketGateway()
export class ChatGateway implements OnGatewayConnection<Socket> {
  @WebSocketServer() private readonly server!: Server;

  constructor(private readonly sockets: SocketSessions) {}

  async handleConnection(client: Socket): Promise<void> {
    // A session alone may be anonymous; only users hear what is said.
    if (this.sockets.userId(client) !== undefined) await client.join('chat');
  }

  @SubscribeMessage('say')
  @RequireLogin()
  say(@Session() sess: Session<{ said: number }>, @UserId() user: string, @MessageBody() text: unknown) {
    if (typeof text !== 'string' || text.trim() === '' || text.length > 500) {
      throw new WsException('Takes up to 500 characters.');
    }
    sess.said = (sess.said ?? 0) + 1;
    this.server.to('chat').emit('said', { user, text } satisfies Said);
    return { said: sess.said };
  }
}
