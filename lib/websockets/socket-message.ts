import { NAMED_REQUESTS, REQUEST } from '../session.request.js';
import { MESSAGE } from '../session.scope.js';
import type { MessageScope } from './message-scope.js';

/**
 * One message on its way through a gateway's guards, pipes, interceptors and handler. It goes along as the last of
 * their arguments, where decorators and guards find the session.
 */
export class SocketMessage {
  readonly [MESSAGE] = true;
  /** Not to be looked into: what a filter logs of its arguments holds no data. */
  readonly #scopes: readonly MessageScope[];
  /** Acknowledgements by the handler itself, which wait for what is to be stored before. */
  private answers: Promise<void> | undefined;
  private failure: { readonly error: unknown } | undefined;
  /** Whether it came by where handlers are committed. */
  isCommitted = false;

  constructor(scopes: readonly MessageScope[]) {
    this.#scopes = scopes;
  }

  get [REQUEST](): MessageScope | undefined {
    return this.#scopes.find(({ engine }) => engine.options.name === undefined);
  }

  get [NAMED_REQUESTS](): ReadonlyMap<string | undefined, MessageScope> {
    return new Map(this.#scopes.map((scope) => [scope.engine.options.name, scope]));
  }

  /** Finds the sessions. */
  async begin(): Promise<void> {
    await Promise.all(this.#scopes.map((scope) => scope.beginQuietly()));
  }

  /** Lets the handler answer by itself, once what it changed so far is stored; never where that failed (law 4). */
  answer(send: () => void): void {
    const earlier = this.answers ?? Promise.resolve();
    // Not at once: the handler may change the session in the same breath, as it may after response.end().
    this.answers = earlier
      .then(() => this.store(200))
      .then(send)
      .catch((error: unknown) => {
        this.failure ??= { error };
      });
  }

  /**
   * Stores what the handler changed so far.
   *
   * @param status what HTTP would answer: an error tells of a failure already that a success must not hide
   * @throws SessionError, SessionDataError, SessionUsageError
   */
  async commit(status: number): Promise<void> {
    await this.answers;
    const { failure } = this;
    if (failure !== undefined) {
      this.failure = undefined;
      throw failure.error;
    }
    await this.store(status);
  }

  /** The last commit: what is changed from now on would be lost, and is refused. */
  async end(status: number): Promise<void> {
    try {
      await this.commit(status);
    } finally {
      for (const scope of this.#scopes) scope.finished = true;
    }
  }

  private async store(status: number): Promise<void> {
    for (const scope of this.#scopes) await scope.commit(status);
  }
}

/** The message among the arguments of a handler, guard, filter. */
export function messageAmong(args: readonly unknown[]): SocketMessage | undefined {
  return args.find((arg) => typeof arg === 'object' && arg !== null && MESSAGE in arg) as SocketMessage | undefined;
}
