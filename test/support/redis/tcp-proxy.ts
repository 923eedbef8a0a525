import { connect, createServer, type Server, type Socket } from 'node:net';
import { Frames, isPush, textOf } from './frames.js';
import { freePort } from './redis-server.js';

interface Loss {
  matching: (requestText: string) => boolean;
  happened: (requestText: string) => void;
}

interface Link {
  client: Socket;
  server: Socket;
}

const proxies = new Set<TcpProxy>();

/** Stands between clients and a server, and harms their connections in the way a test asks for. */
export class TcpProxy {
  readonly port: number;
  /** Where new connections lead; another server may take the place of the first. */
  target: { readonly port: number };
  /** All commands that clients have sent, as text (`'GET a'`), in order; a test may empty it. */
  readonly commands: string[] = [];

  readonly #links = new Set<Link>();
  readonly #losses: Loss[] = [];
  #listener: Server | undefined;
  #stalled: 'nothing' | 'replies' | 'all' = 'nothing';
  #requestBytesLeft = Infinity;
  #cutInRequest: () => void = () => undefined;

  private constructor(port: number, target: { readonly port: number }) {
    this.port = port;
    this.target = target;
  }

  /** Ends with `close` or `closeProxies`. */
  static async start(target: { readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(await freePort(), target);
    await proxy.accept();
    proxies.add(proxy);
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#links.size;
  }

  /** No byte passes in either direction; connections stay open, and new ones are accepted and stall as well. */
  stall(): void {
    this.#stalled = 'all';
    for (const { client, server } of this.#links) {
      client.pause();
      server.pause();
    }
  }

  /** Commands pass and are carried out; their replies wait. */
  stallReplies(): void {
    this.#stalled = 'replies';
    for (const { client, server } of this.#links) {
      client.resume();
      server.pause();
    }
  }

  /** Ends a stall: what waited passes. */
  resume(): void {
    this.#stalled = 'nothing';
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  /** Ends all connections at once; new ones are accepted. */
  cut(how: 'rst' | 'fin' = 'rst'): void {
    for (const link of this.#links) this.#cutLink(link, how);
  }

  /** New connections are refused; open ones stay. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Takes new connections again. */
  async accept(): Promise<void> {
    if (this.#listener !== undefined) return;
    const listener = createServer({ noDelay: true }, (client) => this.#join(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.port, '127.0.0.1', resolve);
    });
    this.#listener = listener;
  }

  /**
   * The next `count` bytes of requests pass, then the connection that sends more is cut, in the middle of a command.
   * Resolves when that has happened.
   */
  cutAfterRequestBytes(count: number): Promise<void> {
    this.#requestBytesLeft = count;
    return new Promise((resolve) => (this.#cutInRequest = resolve));
  }

  /**
   * The next matching command (`requestText` is `'EVALSHA <sha> 1 key …'`) is carried out; when its reply arrives, the
   * connection is cut in its place, so the client cannot know. Resolves with that command's text. Asked twice, it loses
   * two replies.
   */
  loseNextReply(matching: (requestText: string) => boolean = () => true): Promise<string> {
    return new Promise((happened) => this.#losses.push({ matching, happened }));
  }

  close(): void {
    proxies.delete(this);
    this.refuse();
    this.cut();
  }

  #join(client: Socket): void {
    const server = connect({ port: this.target.port, host: '127.0.0.1', noDelay: true });
    const link = { client, server };
    this.#links.add(link);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      // 'close' follows, which ends the other side.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(link);
        other.destroySoon();
      });
    }

    // Replies come in the order of their commands, so a lost one is known by its number.
    let requests = 0;
    let replies = 0;
    const lost = new Map<number, { loss: Loss; text: string }>();

    const requestFrames = new Frames();
    client.on('data', (chunk: Buffer) => {
      const cut = chunk.length > this.#requestBytesLeft;
      const passing = cut ? chunk.subarray(0, this.#requestBytesLeft) : chunk;
      this.#requestBytesLeft -= passing.length;
      for (const frame of requestFrames.push(passing)) {
        const text = textOf(frame);
        this.commands.push(text);
        const index = this.#losses.findIndex(({ matching }) => matching(text));
        for (const loss of index < 0 ? [] : this.#losses.splice(index, 1)) lost.set(requests, { loss, text });
        requests++;
      }
      if (cut) this.#requestBytesLeft = Infinity;
      server.write(passing, () => {
        if (!cut) return;
        this.#cutLink(link, 'rst');
        this.#cutInRequest();
      });
    });

    const replyFrames = new Frames();
    server.on('data', (chunk: Buffer) => {
      for (const frame of replyFrames.push(chunk)) {
        const losing = isPush(frame) ? undefined : lost.get(replies++);
        if (losing !== undefined) {
          client.destroySoon();
          server.destroy();
          losing.loss.happened(losing.text);
          return;
        }
        client.write(frame);
      }
    });

    if (this.#stalled === 'all') client.pause();
    if (this.#stalled !== 'nothing') server.pause();
  }

  #cutLink(link: Link, how: 'rst' | 'fin'): void {
    this.#links.delete(link);
    if (how === 'rst') link.client.resetAndDestroy();
    else link.client.destroy();
    link.server.destroy();
  }
}

/** Ends all proxies: `afterEach(closeProxies)`. */
export function closeProxies(): void {
  for (const proxy of proxies) proxy.close();
}
