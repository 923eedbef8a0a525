import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly statusMessage: string;
  readonly headers: Record<string, string | string[] | undefined>;
  /** Names and values as they were sent. */
  readonly rawHeaders: string[];
  readonly trailers: Record<string, string | undefined>;
  readonly text: string;
  /** The body as JSON. */
  json(): unknown;
  /** What the header transport sent: undefined without the header, '' when it cleared the token. */
  readonly token: string | undefined;
  /** All Set-Cookie headers. */
  readonly cookies: string[];
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string | string[]>;
  /** Sent as X-Auth-Token. */
  token?: string | undefined;
  body?: unknown;
  /** Connections to use; default a new one. */
  agent?: Agent;
}

/** One HTTP request with Node's own client, which changes no header and follows no redirect. */
export function call(url: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const headers: Record<string, string | string[]> = { ...options.headers };
  if (options.token !== undefined) headers['X-Auth-Token'] = options.token;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  if (body !== undefined) headers['Content-Type'] ??= 'application/json';
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(url),
      { path, method: options.method ?? 'GET', headers, agent: options.agent ?? false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            statusMessage: response.statusMessage ?? '',
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            headers: response.headers,
            text,
            json: () => JSON.parse(text) as unknown,
            token: response.headers['x-auth-token'] as string | undefined,
            cookies: response.headers['set-cookie'] ?? [],
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** One connection that is kept alive, and what came in on it. */
export class Connection {
  /** How many sockets were needed: more than one when the server closed the first. */
  opened = 0;
  private socket: Socket | undefined;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly url: string) {
    const connect = this.agent.createConnection.bind(this.agent);
    this.agent.createConnection = (...args) => {
      this.opened++;
      return (this.socket = connect(...args) as Socket);
    };
  }

  call(path: string, options: CallOptions = {}): Promise<Answer> {
    return call(this.url, path, { ...options, agent: this.agent });
  }

  /** Bytes that have arrived so far. */
  get received(): number {
    return this.socket?.bytesRead ?? 0;
  }

  close(): void {
    this.agent.destroy();
  }
}
