import type { AtomicSessionStore, SessionEnd, SessionEvent, SessionOptions } from 'nestjs-token-session';
import { SessionEngine } from '../../lib/session.engine.js';
import { resolveOptions } from '../../lib/session.options.js';
import { SessionState } from '../../lib/session.state.js';
import { SILENT } from './app.js';
import { TestClock } from './clock.js';

/** What somebody who watches a session was told. */
export class Heard {
  readonly ends: SessionEnd[] = [];
  unwatch: () => void = () => undefined;
  private hear!: (why: SessionEnd) => void;
  /** The first time. */
  readonly first = new Promise<SessionEnd>((resolve) => (this.hear = resolve));

  readonly ended = (why: SessionEnd): void => {
    this.ends.push(why);
    this.hear(why);
  };
}

/** An id that no session has. */
const NOBODY = 'N'.repeat(43);

const nodes = new Set<WatchingNode>();

/** A process of an application, as far as it makes, ends and watches sessions. Ends with `closeNodes`. */
export class WatchingNode {
  readonly engine: SessionEngine;
  readonly events: SessionEvent[] = [];

  constructor(
    store: AtomicSessionStore,
    readonly clock = new TestClock(Date.now()),
    options: SessionOptions = {},
  ) {
    this.engine = new SessionEngine(resolveOptions({ store, clock: clock.now, logger: SILENT, ...options }));
    this.engine.events.stream.subscribe((event) => this.events.push(event));
    nodes.add(this);
  }

  /** A session that is stored. */
  async begin(): Promise<SessionState> {
    const state = new SessionState(this.engine);
    (state.handle as unknown as Record<string, unknown>)['views'] = 1;
    await state.save();
    return state;
  }

  async signIn(userId: string): Promise<SessionState> {
    const state = await this.begin();
    const now = this.clock.now();
    const { idleTimeout, absoluteTimeout } = this.engine.options;
    const identity = { userId, marks: { authenticatedAt: now } };
    await state.login({ identity, times: { startedAt: now, usedAt: now, idleTimeout, absoluteTimeout }, keep: [] });
    return (state as unknown as { successorState: SessionState }).successorState;
  }

  watch({ id }: { readonly id: string | undefined }): Heard {
    const heard = new Heard();
    heard.unwatch = this.engine.watch(id as string, heard.ended);
    return heard;
  }

  /** Resolves when all that was to be looked at so far has been. */
  async looked(): Promise<void> {
    await this.watch({ id: NOBODY }).first;
  }
}

/** Closes all of them: `afterEach(closeNodes)`. */
export async function closeNodes(): Promise<void> {
  const open = [...nodes];
  nodes.clear();
  await Promise.all(open.map(({ engine }) => engine.close()));
}
