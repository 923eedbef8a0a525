import Database from 'libsql';
import { session, type Session, type SessionOptions } from 'nestjs-token-session';
import { SqliteStore } from '../../../lib/stores/sqlite/index.js';

/** How a process is set up. */
export interface PeerSetup {
  readonly file: string;
  readonly session?: Pick<SessionOptions, 'maxPerUser' | 'onMaxPerUser' | 'storeTimeout'>;
  /** For a process that only holds locks. */
  readonly withoutStore?: boolean;
}

interface Counter {
  count: number;
}

/** A process with a connection and a session layer of its own: what its parent calls. */
export class Peer {
  private readonly database: Database.Database;
  private readonly layer: ReturnType<typeof session> | undefined;

  constructor({ file, session: options, withoutStore = false }: PeerSetup) {
    this.database = new Database(file);
    if (withoutStore) return;
    const logger = { warn: () => undefined, error: () => undefined };
    this.layer = session({ ...options, logger, store: new SqliteStore({ database: this.database }) });
  }

  /** A session that is stored and holds nothing. */
  async begin(): Promise<string> {
    const visitor = this.visit();
    await visitor.save();
    return this.sessions.info(visitor).token as string;
  }

  async read(token: string): Promise<Partial<Counter> | null> {
    const found = await this.sessions.load<Counter>(token);
    return found === undefined ? null : { ...found };
  }

  /** Counts up, again and again; gives how many times that was acknowledged. */
  async increment(token: string, times: number): Promise<number> {
    let acknowledged = 0;
    for (let time = 0; time < times; time++) {
      const found = await this.sessions.load<Counter>(token);
      if (found === undefined) break;
      await this.sessions.update(found, (draft) => (draft.count = (draft.count ?? 0) + 1));
      acknowledged++;
    }
    return acknowledged;
  }

  /** As many logins at once; how each ended. */
  logins(userId: string, number: number): Promise<string[]> {
    const login = async (): Promise<string> => {
      const next = await this.sessions.login(this.visit(), userId);
      return this.sessions.info(next).token as string;
    };
    return Promise.all(Array.from({ length: number }, () => login().catch(codeOf)));
  }

  async list(userId: string): Promise<number> {
    return (await this.sessions.list(userId)).length;
  }

  async destroy(token: string): Promise<void> {
    const found = await this.sessions.load(token);
    if (found !== undefined) await this.sessions.destroy(found);
  }

  destroyAll(userId: string): Promise<number> {
    return this.sessions.destroyAll(userId);
  }

  /** Keeps others from writing, or from everything, until `exec('COMMIT')`. */
  exec(sql: string): void {
    this.database.exec(sql);
  }

  private visit(): Session<Counter> {
    const request = { headers: {}, url: '/' } as unknown as { session: Session<Counter> };
    this.layer?.(request as never, { headersSent: false } as never, () => undefined);
    return request.session;
  }

  private get sessions(): ReturnType<typeof session>['service'] {
    if (this.layer === undefined) throw new Error('This process has no store.');
    return this.layer.service;
  }
}

/** The code of a failure that the session layer knows. */
export function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
