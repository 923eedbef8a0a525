import { once } from 'node:events';
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';

/**
 * A keep-alive connection that sends one request after the other. It knows as much of HTTP as the
 * benchmark needs, so that the client never is what is waited for, and fails on everything else.
 */
export class Connection {
  #socket;
  #text = '';
  #answered;
  #failed;

  constructor(port) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#failed?.(error));
    this.#socket.on('close', () => this.#failed?.(new Error('the server closed the connection')));
  }

  static async open(port) {
    const connection = new Connection(port);
    await once(connection.#socket, 'connect');
    return connection;
  }

  /** @returns {Promise<{ status: number, head: string, body: string }>} */
  send(request) {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      if (this.#socket.destroyed) reject(new Error('the server had closed the connection'));
      this.#socket.write(request, 'latin1');
    });
  }

  close() {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk) {
    this.#text += chunk;
    const headEnd = this.#text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#text.slice(0, headEnd + 2);
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
    if (length === undefined) {
      this.#failed(new Error(`an answer without Content-Length:\n${head}`));
      return;
    }
    const end = headEnd + HEAD_END.length + Number(length);
    if (this.#text.length < end) return;
    if (this.#text.length > end) {
      this.#failed(new Error(`more than one answer to one request:\n${this.#text}`));
      return;
    }
    const body = this.#text.slice(headEnd + HEAD_END.length);
    this.#text = '';
    this.#answered({ status: Number(head.slice(9, 12)), head, body });
  }
}

/** The text of a request. */
export function requestText({ method, path }, token) {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1'];
  if (token !== undefined) lines.push(token);
  if (method === 'POST') lines.push('Content-Length: 0');
  return lines.join('\r\n') + HEAD_END;
}

/** The header line with which a client gives back the token of an answer, if there is one in it. */
export function tokenOf(head) {
  const header = /\r\nx-auth-token: (\S+)\r\n/i.exec(head)?.[1];
  if (header !== undefined) return `X-Auth-Token: ${header}`;
  const cookie = /\r\nset-cookie: ([^;\r]+)/i.exec(head)?.[1];
  return cookie === undefined ? undefined : `Cookie: ${cookie}`;
}
