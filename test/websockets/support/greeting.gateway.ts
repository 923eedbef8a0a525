import { Inject } from '@nestjs/common';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import { SocketSessions } from 'nestjs-token-session/websockets';
import type { Call } from './counter.gateway.js';

/** What can be known of a client before its first message. */
@WebSocketGateway()
export class GreetingGateway implements OnGatewayConnection<object>, OnGatewayDisconnect<object> {
  client!: object;
  readonly greeted: Promise<unknown>;
  readonly left: Promise<void>;
  private greet!: (greeting: unknown) => void;
  private leave!: () => void;

  constructor(@Inject(SocketSessions) private readonly sockets: SocketSessions) {
    this.greeted = new Promise((resolve) => (this.greet = resolve));
    this.left = new Promise((resolve) => (this.leave = resolve));
  }

  async handleConnection(client: object): Promise<void> {
    this.client = client;
    const session = await this.sockets.load<{ theme: string }>(client);
    this.greet({ userId: this.sockets.userId(client), theme: session?.theme });
  }

  handleDisconnect(): void {
    this.leave();
  }

  @SubscribeMessage('ping')
  ping(@MessageBody() { id }: Call) {
    return { id, value: 'pong' };
  }
}
