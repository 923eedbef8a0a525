import { once } from 'node:events';
import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** All of it as it came, each byte as one character. */
  readonly bytes: string;
  readonly body: string;
}

/**
 * One GET by these header lines, each character as one byte: what HTTP clients refuse to send. The server's parser may
 * refuse it too; then the status is 400, or 431 for too many bytes.
 */
export async function rawGet(url: string, path: string, lines: readonly string[]): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server that refuses may close before it has read all.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  const head = [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...lines, '', ''].join('\r\n');
  socket.write(Buffer.from(head, 'latin1'));
  await closed;
  const bytes = Buffer.concat(chunks).toString('latin1');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(bytes)?.[1]),
    bytes,
    body: bytes.slice(bytes.indexOf('\r\n\r\n') + 4),
  };
}

/** Header lines as `rawGet` takes them. */
export const linesOf = (headers: Record<string, string>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
