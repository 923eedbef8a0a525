import type { TokenFormat } from './stores/session-store.js';

/** Never shown by inspect, nor by logs of whoever gets hold of it (law 2). */
class LastToken {
  #token = '';
  #id = '';

  take(token: string, id: string): void {
    this.#token = token;
    this.#id = id;
  }

  /** The id, if this is the token. In the same time for all tokens that it is not: nothing can be learned by guessing. */
  idOf(token: string): string | undefined {
    const known = this.#token;
    if (token.length !== known.length) return undefined;
    let difference = 0;
    for (let at = 0; at < known.length; at++) difference |= known.charCodeAt(at) ^ token.charCodeAt(at);
    return difference === 0 ? this.#id : undefined;
  }
}

/**
 * Which session is named by a token. On a connection that stays open the next request most likely has the same token as
 * the last one: its hash, a quarter of the session layer's time in a profile of reads, is then known.
 */
export class ConnectionTokens {
  readonly #last = new WeakMap<object, LastToken>();
  readonly #format: TokenFormat;

  constructor(format: TokenFormat) {
    this.#format = format;
  }

  /**
   * The id of the session; undefined when this is no token.
   *
   * @param connection on which the token came; requests that a program makes up may have none
   */
  idOf(value: string, connection: object | null | undefined): string | undefined {
    const last = connection ? this.#last.get(connection) : undefined;
    const known = last?.idOf(value);
    if (known !== undefined) return known;
    if (!this.#format.isToken(value)) return undefined;
    const id = this.#format.idOf(value);
    if (connection) this.remember(connection, value, id);
    return id;
  }

  private remember(connection: object, token: string, id: string): void {
    let last = this.#last.get(connection);
    if (last === undefined) this.#last.set(connection, (last = new LastToken()));
    last.take(token, id);
  }
}
