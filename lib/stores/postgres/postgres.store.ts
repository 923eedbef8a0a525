import { isRecord } from '../../session.record.js';
import {
  endOf,
  type AtomicSessionStore,
  type SessionEndings,
  type SessionRecord,
  type SessionTimes,
  type StoreHost,
  type SweepResult,
  type UpdateResult,
} from '../session-store.js';
import type { UserIndex } from '../user-index.js';
import { checkDatabase } from './boot-check.js';
import { PostgresAnnouncer } from './postgres-announcer.js';
import { ALL, PostgresEndings } from './postgres-endings.js';
import { PostgresLink } from './postgres-link.js';
import type { PostgresPool } from './postgres-pool.js';
import { migrate } from './postgres-migration.js';
import { namesOf, type PostgresNames } from './postgres-schema.js';
import { statementsOf, SWEEP_BATCH, type PostgresStatements } from './postgres-statements.js';
import { quoted } from './postgres-statement.js';
import { PostgresUserIndex } from './postgres-user-index.js';
import { resolvePostgresOptions, type PostgresStoreOptions, type ResolvedPostgresTable } from './postgres.options.js';
import { recordOf, span, textValue, time, valuesOf, type RecordRow } from './record-row.js';

/** How long a statement may take before the session layer says so, in ms. */
const PATIENCE = 2_000;

/** A statement gives up a little before the session layer does: it knows whether it was sent. */
const PART_OF_DEADLINE = 0.95;

const UPDATED: UpdateResult = { status: 'updated' };
const MISSING: UpdateResult = { status: 'missing' };

/**
 * Sessions in PostgreSQL (12 or later). Each operation is one statement that commits by itself, on any connection of
 * the pool, also behind a pooler in transaction mode. The tables are made by {@link PostgresStore.migrate}.
 *
 * What was acknowledged is lost only with the server's own data: see docs/postgres.md for `synchronous_commit`.
 */
export class PostgresStore implements AtomicSessionStore {
  readonly users: UserIndex;
  readonly endings: SessionEndings | undefined;
  private readonly announcer: PostgresAnnouncer | undefined;
  private readonly pool: PostgresPool;
  private readonly table: ResolvedPostgresTable;
  private readonly names: PostgresNames;
  private readonly statements: PostgresStatements;
  private readonly link: PostgresLink;
  private host: StoreHost | undefined;

  /** @throws SessionConfigError `INVALID_OPTION` */
  constructor(options: PostgresStoreOptions) {
    const { pool, endings, ...table } = resolvePostgresOptions(options);
    this.pool = pool;
    this.table = table;
    this.names = namesOf(table);
    this.statements = statementsOf(this.names);
    const patience = (): number => (this.host?.storeTimeout ?? PATIENCE) * PART_OF_DEADLINE;
    const told = (text: string): void => this.host?.notice(text);
    // As all statements have it, the functions of the index too.
    this.link = new PostgresLink({ pool, mark: quoted(table.table).slice(0, -1), patience, told });
    if (endings !== undefined) {
      const { channel } = this.names;
      this.endings = new PostgresEndings({ pool: endings.pool, channel, patience, told });
      this.announcer = new PostgresAnnouncer(this.link, this.statements.tell);
    }
    this.users = new PostgresUserIndex(this.statements, () => this.indexTime(), this.link);
  }

  /**
   * Makes what is missing of the tables and functions, in one transaction, one process at a time; when nothing is, it
   * only looks. Needs a role that may create in the schema; afterwards the application needs none.
   *
   * @throws SessionConfigError `INVALID_STORE` when the schema is not there, or the role may not create in it
   * @throws Error when the server is not reached
   */
  async migrate(): Promise<void> {
    await migrate(this.pool, this.table);
  }

  async attach(host: StoreHost): Promise<void> {
    this.host = host;
    if ((this.pool.options?.connectionTimeoutMillis ?? 0) === 0 && this.pool.options !== undefined) {
      host.notice(
        'PostgresStore: the pool has no connectionTimeoutMillis, so that connections which hang while they are made keep ' +
          'their places for ever: new Pool({ connectionTimeoutMillis: 2_000, … })',
      );
    }
    await checkDatabase(this.link, this.names, this.statements);
  }

  async load(id: string): Promise<SessionRecord | undefined> {
    const { rows } = await this.link.run(this.statements.load, [textValue(id)]);
    const row = rows[0] as RecordRow & { id: string | null };
    return row.id === null ? undefined : this.living(id, row);
  }

  async create(id: string, record: SessionRecord): Promise<boolean> {
    return (await this.change('create', id, this.valuesOf(record))) > 0;
  }

  async update(id: string, record: SessionRecord, expectedVersion: string, isEnd = false): Promise<UpdateResult> {
    const values = [...this.valuesOf(record), textValue(expectedVersion)];
    const changed = await this.change('update', id, values);
    if (changed > 0 && isEnd) this.announcer?.tell(textValue(id));
    if (changed > 0) return UPDATED;
    const current = await this.load(id);
    return current === undefined ? MISSING : { status: 'conflict', current };
  }

  async touch(id: string, { usedAt }: SessionTimes): Promise<boolean> {
    return (await this.change('touch', id, [time(usedAt), time(this.now())])) > 0;
  }

  async destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    const { destroy, destroyVersion } = this.statements;
    const { rows } = await (version === undefined
      ? this.link.run(destroy, [textValue(id)])
      : this.link.run(destroyVersion, [textValue(id), textValue(version)]));
    const [row] = rows as RecordRow[];
    if (row !== undefined) {
      this.announcer?.tell(textValue(id));
      return this.living(id, row);
    }
    return version === undefined ? undefined : this.load(id);
  }

  async sweep(): Promise<SweepResult> {
    const now = this.indexTime();
    const { rows } = await this.link.run(this.statements.sweep, [time(this.now()), now === undefined]);
    const { seen, removed } = rows[0] as { seen: number; removed: number };
    const users = await this.link.run(this.statements.sweepUsers, [now === undefined ? null : time(now)]);
    return { removed, done: Math.max(seen, users.rowCount ?? 0) < SWEEP_BATCH };
  }

  /** Goes through all sessions, page by page. About: replaced tokens count for a minute, too. */
  async count(): Promise<number> {
    let living = 0;
    for (let last: string | null = ''; last !== null;) {
      const { rows } = await this.link.run(this.statements.count, [last, time(this.now())]);
      const page = rows[0] as { living: number; last: string | null };
      living += page.living;
      last = page.last;
    }
    return living;
  }

  /** Goes through all sessions, page by page. */
  async clear(): Promise<void> {
    // A login that is on its way finds its entry gone, and takes its session back.
    while (((await this.link.run(this.statements.clearUsers, [])).rowCount ?? 0) > 0);
    for (let last: string | null = ''; last !== null;) {
      const { rows } = await this.link.run(this.statements.clear, [last]);
      last = (rows[0] as { last: string | null }).last;
    }
    this.announcer?.tell(ALL);
  }

  /** Waits for what is on its way to other processes. The pool stays open. */
  async close(): Promise<void> {
    await this.announcer?.close();
  }

  private async change(statement: 'create' | 'update' | 'touch', id: string, values: unknown[]): Promise<number> {
    const { rowCount } = await this.link.run(this.statements[statement], [textValue(id), ...values]);
    return rowCount ?? 0;
  }

  /** The record, its end, and the time. */
  private valuesOf(record: SessionRecord): unknown[] {
    return [...valuesOf(record), span(endOf(record)), time(this.now())];
  }

  private living(id: string, row: RecordRow): SessionRecord | undefined {
    const record = recordOf(row);
    if (!isRecord(record) || endOf(record) > this.now()) return record;
    this.host?.expired?.(id, record);
    return undefined;
  }

  private now(): number {
    return this.host?.now() ?? Date.now();
  }

  /** The clock of a test; otherwise that of the server, as those of several applications may differ. */
  private indexTime(): number | undefined {
    return this.host === undefined || this.host.now === Date.now ? undefined : this.host.now();
  }
}
