import type { SessionEngine } from '../session.engine.js';
import { createToken } from '../session-token.js';

/** Why a store is not to be relied on. */
export interface ProbeFault {
  readonly code: string;
  readonly message: string;
}

/** Asks a store whether it answers; one question at a time, however many want to know. */
export class Probe {
  private asking: Promise<ProbeFault | undefined> | undefined;

  constructor(private readonly engine: SessionEngine) {}

  /** Undefined when the store answers. Never rejects, and takes no longer than `storeTimeout`. */
  ask(): Promise<ProbeFault | undefined> {
    return (this.asking ??= this.question().finally(() => {
      this.asking = undefined;
    }));
  }

  private async question(): Promise<ProbeFault | undefined> {
    const { store, tokens } = this.engine;
    try {
      // A new one each time: what is asked for again may come from a cache.
      await store.load(tokens.idOf(createToken()));
      return undefined;
    } catch (error) {
      const { code } = error as { code?: unknown };
      return code === 'RANDOM_UNAVAILABLE'
        ? { code, message: 'The random source of the system failed.' }
        : { code: typeof code === 'string' ? code : 'STORE_UNAVAILABLE', message: 'The session store is unavailable.' };
    }
  }
}
