import type { PostgresLink } from './postgres-link.js';
import type { PostgresStatement } from './postgres-statement.js';

/** How many ids one statement tells. */
const BATCH = 500;

/** How many wait at most: more than that end while the server is away, and are found by those who watch them. */
const MAX_WAITING = 10_000;

/** How long is waited after a statement that failed, in ms. */
const REST = 1_000;

/**
 * Tells other processes of sessions that have ended, beside the requests that ended them: one statement at a time, for all
 * that ended meanwhile. Not within the statement that ends one: PostgreSQL commits those that notify one after the other,
 * each with its wait for the disk, while a transaction that does nothing but notify waits for no disk.
 */
export class PostgresAnnouncer {
  private readonly waiting = new Set<string>();
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly link: PostgresLink,
    private readonly statement: PostgresStatement,
  ) {}

  tell(id: string): void {
    if (this.waiting.size < MAX_WAITING) this.waiting.add(id);
    if (this.timer === undefined) this.running ??= this.run();
  }

  /** Resolves when all that ended so far was told, or could not be. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    await (this.running ?? this.run());
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    // What ends at the same time goes along.
    await Promise.resolve();
    while (this.waiting.size > 0) {
      const ids = [...this.waiting].slice(0, BATCH);
      for (const id of ids) this.waiting.delete(id);
      try {
        await this.link.run(this.statement, [ids]);
      } catch {
        for (const id of ids) this.waiting.add(id);
        this.timer = setTimeout(() => {
          this.running = this.run();
        }, REST).unref();
        break;
      }
    }
    this.running = undefined;
  }
}
