import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../redis/redis-server.js';
import { Messages, textsOf } from './messages.js';

interface Loss {
  matching: (text: string) => boolean;
  happened: (text: string) => void;
}

interface Link {
  client: Socket;
  server: Socket;
}

const proxies = new Set<PostgresProxy>();

/**
 * Stands between clients and a server, and harms their connections in the way a test asks for. TcpProxy of Redis for
 * PostgreSQL's messages; without TLS.
 */
export class PostgresProxy {
  readonly port: number;
  /** Where new connections lead; another server may take the place of the first. */
  target: { readonly port: number };
  /** Texts of all statements that clients have sent, in order; a prepared one at each use. A test may empty it. */
  readonly statements: string[] = [];

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
  static async start(target: { readonly port: number }): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(await freePort(), target);
    await proxy.accept();
    proxies.add(proxy);
    return proxy;
  }

  /** The address of a database, by way of the proxy. */
  before<Address extends { port: number }>(address: Address): Address {
    return { ...address, port: this.port };
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

  /** Statements pass and are carried out; their replies wait. */
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
   * The next `count` bytes of requests pass, then the connection that sends more is cut, in the middle of a statement.
   * Resolves when that has happened.
   */
  cutAfterRequestBytes(count: number): Promise<void> {
    this.#requestBytesLeft = count;
    return new Promise((resolve) => (this.#cutInRequest = resolve));
  }

  /**
   * The next matching statement is carried out, and committed unless in a transaction; when its reply is complete, the
   * connection is cut in its place, so the client cannot know. Resolves with the statement's text. Asked twice, it loses
   * two replies.
   */
  loseNextReply(matching: (text: string) => boolean = () => true): Promise<string> {
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

    // A round ends with ReadyForQuery: the first is the login, then there is one for each Query or Sync.
    let sent = 1;
    let answered = 0;
    const lost = new Map<number, { loss: Loss; text: string }>();

    const statementOf = statementReader();
    const requests = new Messages('client');
    client.on('data', (chunk: Buffer) => {
      const cut = chunk.length > this.#requestBytesLeft;
      const passing = cut ? chunk.subarray(0, this.#requestBytesLeft) : chunk;
      this.#requestBytesLeft -= passing.length;
      for (const { type, body } of requests.push(passing)) {
        const text = statementOf(type, body);
        if (text !== undefined) {
          this.statements.push(text);
          const index = this.#losses.findIndex(({ matching }) => matching(text));
          for (const loss of index < 0 ? [] : this.#losses.splice(index, 1)) lost.set(sent, { loss, text });
        }
        if (type === 'Q' || type === 'S') sent++;
      }
      if (cut) this.#requestBytesLeft = Infinity;
      server.write(passing, () => {
        if (!cut) return;
        this.#cutLink(link, 'rst');
        this.#cutInRequest();
      });
    });

    const replies = new Messages('server');
    server.on('data', (chunk: Buffer) => {
      for (const { type, whole } of replies.push(chunk)) {
        const losing = lost.get(answered);
        if (losing === undefined) client.write(whole);
        if (type !== 'Z') continue;
        answered++;
        if (losing === undefined) continue;
        client.destroySoon();
        server.destroy();
        losing.loss.happened(losing.text);
        return;
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

/** Gives the text that a message carries out: Query has it, Bind names the Parse that had it. */
function statementReader(): (type: string, body: Buffer) => string | undefined {
  const prepared = new Map<string, string>();
  return (type, body) => {
    const [first = '', second = ''] = textsOf(body, 2);
    if (type === 'P') prepared.set(first, second);
    if (type === 'B') return prepared.get(second) ?? '';
    return type === 'Q' ? first : undefined;
  };
}
