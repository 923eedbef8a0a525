import type { AtomicSessionStore, EndingsListener, SessionRecord, StoreHost } from 'nestjs-token-session';
import { hash } from 'node:crypto';
import { until } from './redis/until.js';

/** What a store told of ended sessions; `'connected'` and `'lost'` stand for themselves. Ends with `stopHearing`. */
export class HeardEndings implements EndingsListener {
  readonly told: string[] = [];
  private stopListening: () => unknown = () => undefined;

  /** Resolves when the store tells of all that ends. */
  static async of(store: AtomicSessionStore): Promise<HeardEndings> {
    const heard = HeardEndings.begin(store);
    await heard.has('connected');
    return heard;
  }

  /** Does not wait. */
  static begin({ endings }: AtomicSessionStore): HeardEndings {
    if (endings === undefined) throw new Error('The store tells nothing');
    const heard = new HeardEndings();
    heard.stopListening = endings.listen(heard);
    hearing.add(heard);
    return heard;
  }

  ended(id: string): void {
    this.told.push(id);
  }

  connected(): void {
    this.told.push('connected');
  }

  lost(): void {
    this.told.push('lost');
  }

  /** Resolves when this was told so many times. */
  async has(what: string, times = 1): Promise<void> {
    await until(`${String(times)} times '${what}'`, () => this.told.filter((told) => told === what).length >= times);
  }

  async stop(): Promise<void> {
    hearing.delete(this);
    await this.stopListening();
  }
}

const hearing = new Set<HeardEndings>();

/** Ends all listening: `afterEach(stopHearing)`, before connections are closed. */
export async function stopHearing(): Promise<void> {
  await Promise.all([...hearing].map((heard) => heard.stop()));
}

/** A host as an engine is one, with the notices that it got. */
export function hostOf(storeTimeout = 2_000): StoreHost & { readonly notices: string[] } {
  const notices: string[] = [];
  const notice = (text: string): unknown => notices.push(text);
  return { now: Date.now, storeTimeout, evicted: () => undefined, notice, notices };
}

export function idOf(name: string | number): string {
  return hash('sha256', String(name), 'base64url');
}

export function recordOf(version = 'v1', changes: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  const times = { startedAt: now, usedAt: now, idleTimeout: 600_000, absoluteTimeout: 6_000_000 };
  return { payload: '1\n{}', version, ...times, ...changes };
}
