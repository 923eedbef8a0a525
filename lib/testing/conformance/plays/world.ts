import type { TestClock } from '../../test-clock.js';
import { session, type SessionMiddleware } from '../../../session.middleware.js';
import type { SessionService } from '../../../session.service.js';
import type { Session } from '../../../session.js';
import type { AtomicSessionStore } from '../../../stores/session-store.js';
import { Stage } from './stage.js';

/** The data that plays write: one key for each program. */
export type Data = Record<string, unknown>;

/** A session as whoever got its token knows it. */
export interface Known {
  readonly id: string;
  readonly token: string;
}

export interface WorldPlan {
  /** How many sessions a user may have. */
  readonly max?: number;
  readonly onMax?: 'evict' | 'reject';
}

/** The real session layer over the stores of a test: one for each store, as each process has one. */
export class World {
  readonly stage = new Stage();
  /** Ids of all sessions that were created. */
  readonly created: string[] = [];
  private readonly layers: readonly SessionMiddleware[];

  constructor(
    readonly stores: readonly AtomicSessionStore[],
    clock: TestClock,
    readonly plan: WorldPlan,
  ) {
    this.layers = stores.map((store) =>
      session({
        store: this.noting(this.stage.steered(store)),
        clock: clock.now,
        logger: { warn: () => undefined, error: () => undefined },
        // A play takes as long as its runner lets it.
        storeTimeout: '1h',
        ...(plan.max !== undefined && { maxPerUser: plan.max }),
        ...(plan.onMax !== undefined && { onMaxPerUser: plan.onMax }),
      }),
    );
  }

  get hasUsers(): boolean {
    return this.stores.every(({ users }) => users !== undefined);
  }

  /** The session layer of one process. */
  layer(number = 0): SessionService {
    return this.at(number).service;
  }

  /** The session of a request that brings no token. */
  visit(number = 0): Session<Data> {
    const request = { headers: {}, url: '/' } as unknown as { session: Session<Data> };
    this.at(number)(request as never, { headersSent: false } as never, () => undefined);
    return request.session;
  }

  known(session: Session<Data>): Known {
    const { id, token } = this.layer().info(session);
    return { id: id as string, token: token as string };
  }

  /** What its token opens; undefined when the session has ended. */
  open({ token }: Known): Promise<Session<Data> | undefined> {
    return this.layer().load<Data>(token);
  }

  async isAlive(known: Known): Promise<boolean> {
    return (await this.open(known)) !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.layers.map((layer) => layer.close()));
  }

  private at(number: number): SessionMiddleware {
    return this.layers[number % this.layers.length] as SessionMiddleware;
  }

  private noting(store: AtomicSessionStore): AtomicSessionStore {
    return {
      ...store,
      create: (id, record) => {
        this.created.push(id);
        return store.create(id, record);
      },
    };
  }
}
