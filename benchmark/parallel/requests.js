import { Connection, requestText, tokenOf } from '../load/connection.js';

const post = (path) => ({ method: 'POST', path, status: 201 });
const SEED = post('/seed');
const LOGOUT = post('/logout');
const FOUND = { method: 'GET', path: '/found', status: 200 };

/** Requests of one client to one contender. Nothing is timed, so that they need no process of their own. */
export class Requests {
  #port;
  #name;

  /** @param {{ port: number, contender: import('../contenders.js').Contender }} server */
  constructor({ port, contender }) {
    this.#port = port;
    this.#name = contender.name;
  }

  /** A new session; gives its token. */
  async seed() {
    const { token } = await this.#send(SEED);
    if (token === undefined) throw new Error(`${this.#name} gave no token for a new session`);
    return token;
  }

  change(token, key, status = 201) {
    return this.#send({ ...post(`/change/${key}`), status }, token);
  }

  logout(token) {
    return this.#send(LOGOUT, token);
  }

  /** @returns {Promise<{ data: object, keys: string[] }>} what a session holds, nothing where there is none */
  async found(token) {
    return (await this.#send(FOUND, token)).body;
  }

  /** On a connection of its own. */
  async #send(request, token) {
    const connection = await Connection.open(this.#port);
    try {
      const { status, head, body } = await connection.send(requestText(request, token));
      if (status !== request.status) throw new Error(`${this.#name}: ${request.path} answered ${status} ${body}`);
      return { token: tokenOf(head), body: JSON.parse(body) };
    } finally {
      connection.close();
    }
  }
}
