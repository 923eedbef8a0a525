import { asError } from '../../error-text.js';
import { hasMethods } from '../../session.checks.js';
import type { ErrorEmitter, KeyvClient } from './keyv-client.js';

/** What a call of a Keyv gave, and the error that was emitted meanwhile, if any. */
export interface Watched<T> {
  readonly answer: T;
  readonly fault: Error | undefined;
}

/**
 * Keyv and its adapters swallow errors: they emit `error` and give undefined, false, or even true. So the events are
 * listened to while a call is under way. An error of another call at the same time looks the same: who asks has to
 * be sure of the answer in another way then.
 */
export class SwallowedErrors {
  private underWay = 0;
  private count = 0;
  private last: Error | undefined;
  private heard: ErrorEmitter[] = [];

  constructor(private readonly keyv: KeyvClient) {}

  async watch<T>(call: () => Promise<T>): Promise<Watched<T>> {
    if (this.underWay++ === 0) this.listen();
    const before = this.count;
    try {
      const answer = await call();
      return { answer, fault: this.count === before ? undefined : this.last };
    } finally {
      if (--this.underWay === 0) this.stopListening();
    }
  }

  private listen(): void {
    const { store } = this.keyv;
    // With `emitErrors: false` Keyv 5 keeps the errors of its adapter to itself.
    if (hasMethods(store, ['on', 'off'])) this.heard.push(store as ErrorEmitter);
    if (!this.throwsByItself()) this.heard.push(this.keyv);
    for (const emitter of this.heard) emitter.on('error', this.note);
  }

  private stopListening(): void {
    for (const emitter of this.heard) emitter.off('error', this.note);
    this.heard = [];
  }

  /** Keyv 6 throws what nobody listens to; a listener would change that for the rest of the application. */
  private throwsByItself(): boolean {
    const { throwOnEmptyListeners } = this.keyv as { throwOnEmptyListeners?: unknown };
    return throwOnEmptyListeners === true && this.keyv.listeners('error').length === 0;
  }

  private readonly note = (error: unknown): void => {
    this.count++;
    this.last = asError(error);
  };
}
