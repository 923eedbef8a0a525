import type { PostgresClient } from './postgres-pool.js';
import type { PostgresStatement } from './postgres-statement.js';
import { changing } from './postgres-statement.js';

/**
 * Ends statements that nobody waits for any more. PostgreSQL does not see that a client has gone while a statement of
 * it waits for a lock: one row that is locked for long would fill the server with such statements.
 */
export class AbandonedStatements {
  private readonly pids = new Set<number>();
  private readonly cancel: PostgresStatement;
  private isBusy = false;

  /**
   * @param mark by which a statement is known as ours: behind a pooler a number may be another program's
   * @param run runs a statement within a deadline
   */
  constructor(
    private readonly mark: string,
    private readonly run: (statement: PostgresStatement, values: unknown[]) => Promise<unknown>,
  ) {
    this.cancel = changing(
      'SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND usename = current_user ' +
        "AND state = 'active' AND position($2::text IN query) > 0 AND pid <> pg_backend_pid()",
    );
  }

  /** Takes a connection that was closed while its statement ran. */
  add({ processID: pid }: PostgresClient): void {
    if (typeof pid !== 'number') return;
    this.pids.add(pid);
    if (!this.isBusy) void this.cancelAll();
  }

  /** One at a time: at a server that does not answer at all they would only add to the load. */
  private async cancelAll(): Promise<void> {
    this.isBusy = true;
    while (this.pids.size > 0) {
      const pids = [...this.pids];
      this.pids.clear();
      await this.run(this.cancel, [pids, this.mark]).catch(() => undefined);
    }
    this.isBusy = false;
  }
}
