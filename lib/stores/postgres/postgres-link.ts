import { asError, errorText } from '../../error-text.js';
import { within } from '../deadline.js';
import { AbandonedStatements } from './abandoned-statements.js';
import { explained, isCollision, isNotPrepared, isOutdatedPlan, isRefusal } from './postgres-errors.js';
import type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from './postgres-pool.js';
import type { PostgresStatement } from './postgres-statement.js';

/** How often a statement is run again that was rolled back for another one. */
const MAX_ATTEMPTS = 10;

export interface PostgresLinkOptions {
  readonly pool: PostgresPool;
  /** What all statements have in them. */
  readonly mark: string;
  /** How long a statement may take, in ms. */
  patience(): number;
  /** Takes what the application should know. */
  told(text: string): void;
}

/** How statements get to PostgreSQL, each on a connection of its own, and what it means when they don't. */
export class PostgresLink {
  /** Off for good once a pooler turns out to hand statements to changing server connections. */
  private prepares = true;
  private readonly known = new WeakSet<PostgresClient>();
  private readonly abandoned: AbandonedStatements;

  constructor(private readonly options: PostgresLinkOptions) {
    this.abandoned = new AbandonedStatements(options.mark, ({ text }, values) =>
      this.once({ text, values }, this.due()),
    );
    // A connection that breaks while nobody uses it is an event of the pool, also when the application is closing.
    survive(options.pool);
    // Nor does the pool listen from when a connection is new until whoever waits for it goes on.
    if (options.pool.listeners?.('connect').includes(survive) !== true) options.pool.on?.('connect', survive);
  }

  /**
   * The result of one statement, which commits by itself. Nothing is sent when nobody waits for it any more.
   *
   * @throws SessionError `OUTCOME_UNKNOWN` when it may have been carried out
   */
  async run({ text, name, changes }: PostgresStatement, values: unknown[]): Promise<PostgresResult> {
    const due = this.due();
    let { prepares } = this;
    for (let attempt = 1; ; attempt++) {
      try {
        const query = prepares && name !== undefined ? { text, values, name } : { text, values };
        const result = await this.once(query, due, (client) => {
          this.abandoned.add(client);
        });
        if (!changes) refuseStandby(result);
        return result;
      } catch (error) {
        if (prepares && (isNotPrepared(error) || isOutdatedPlan(error))) {
          prepares = false;
          if (isNotPrepared(error)) this.stopPreparing();
        } else if (!isCollision(error) || attempt >= MAX_ATTEMPTS) {
          throw error instanceof Unsent ? error : explained(error, changes);
        }
      }
    }
  }

  /** One attempt. A connection that does not answer in time is closed, so that it does not keep its place in the pool for good. */
  private async once(
    query: PostgresQuery,
    due: number,
    abandon?: (client: PostgresClient) => void,
  ): Promise<PostgresResult> {
    const client = await this.connect(due);
    try {
      const result = await within(this.send(client, query), left(due), () => {
        abandon?.(client);
        return new Error('no answer in time');
      });
      client.release();
      return result;
    } catch (error) {
      // One with an outdated plan would give the same error again.
      client.release(isRefusal(error) && !isOutdatedPlan(error) ? undefined : asError(error));
      throw error;
    }
  }

  private async connect(due: number): Promise<PostgresClient> {
    try {
      const connecting = this.options.pool.connect();
      return await within(connecting, left(due), () => {
        connecting.then((client) => {
          client.release();
        }, ignore);
        return new Error('no connection was free in time');
      });
    } catch (error) {
      throw new Unsent(errorText(error), { cause: error });
    }
  }

  private send(client: PostgresClient, query: PostgresQuery): Promise<PostgresResult> {
    if (!this.known.has(client)) {
      this.known.add(client);
      // The pool listens only while nobody has the connection.
      survive(client);
    }
    return client.query(query);
  }

  private stopPreparing(): void {
    if (!this.prepares) return;
    this.prepares = false;
    this.options.told(
      'PostgreSQL does not keep prepared statements for this pool, which a pooler in transaction mode may be the ' +
        'cause of. Each statement is sent in full from now on, which is slower',
    );
  }

  private due(): number {
    return performance.now() + this.options.patience();
  }
}

/** The statement did not leave this process. */
class Unsent extends Error {
  override readonly name = 'PostgresUnreachableError';
}

/** Several statements in one give a list of results. */
function refuseStandby({ rows }: Partial<PostgresResult>): void {
  const [row] = (rows ?? []) as { standby?: boolean }[];
  if (row?.standby === true) throw new Error('PostgresStore: the server is a standby; sessions need the primary');
}

/** Takes note of broken connections, which would end the process if nobody did; once. */
function survive(emitter: PostgresPool | PostgresClient): void {
  if (emitter.listeners?.('error').includes(ignore) !== true) emitter.on?.('error', ignore);
}

function left(due: number): number {
  return Math.max(1, due - performance.now());
}

function ignore(): void {
  // The statement on its way fails by itself.
}
