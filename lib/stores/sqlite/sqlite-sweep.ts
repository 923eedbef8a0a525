import type { SweepResult } from '../session-store.js';
import { bound, unbound, type SqliteDatabase, type SqliteRow, type PreparedStatement } from './sqlite-database.js';
import { ENDS_AT, type SqliteTables } from './sqlite-schema.js';

/** How many sessions, and entries of users, one sweep looks at. */
const BATCH = 200;

/** Removes what has ended. */
export class SqliteSweep {
  private readonly isDue: PreparedStatement;
  private readonly postpone: PreparedStatement;
  private readonly removeSessions: PreparedStatement;
  private readonly removeEntry: PreparedStatement;
  private readonly removeEntries: PreparedStatement;

  constructor(database: SqliteDatabase, { sessions, users }: SqliteTables) {
    const due = `rowid IN (SELECT rowid FROM ${sessions} WHERE sweep_at <= ? ORDER BY sweep_at LIMIT ?)`;
    this.isDue = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM ${sessions} WHERE sweep_at <= ?) OR EXISTS (SELECT 1 FROM ${users} WHERE ends_at <= ?) AS due`,
    );
    this.postpone = database.prepare(`UPDATE ${sessions} SET sweep_at = ${ENDS_AT} WHERE ${due} AND ${ENDS_AT} > ?`);
    // IS NOT TRUE: what has no end goes too.
    this.removeSessions = database.prepare(
      `DELETE FROM ${sessions} WHERE ${due} AND (${ENDS_AT} > ?) IS NOT TRUE RETURNING id, user_id`,
    );
    this.removeEntry = database.prepare(`DELETE FROM ${users} WHERE user_id = ? AND id = ?`);
    this.removeEntries = database.prepare(
      `DELETE FROM ${users} WHERE (user_id, id) IN (SELECT user_id, id FROM ${users} WHERE ends_at <= ? LIMIT ?)`,
    );
  }

  /** Whether there is anything to do: finding that there is not costs no lock. */
  hasWork(now: number): boolean {
    return Number((this.isDue.get(now, now) as SqliteRow)['due']) === 1;
  }

  /** One batch, within a transaction. */
  run(now: number): SweepResult {
    // First those that were used since, so that they are not looked at again before they can have ended.
    const postponed = Number(this.postpone.run(now, BATCH, now).changes);
    const removed = this.removeSessions.all(now, BATCH, now) as SqliteRow[];
    for (const { id, user_id: user } of removed) {
      if (user !== null) this.removeEntry.run(bound(unbound(user)), id as string);
    }
    const entries = Number(this.removeEntries.run(now, BATCH).changes);
    const isDone = postponed < BATCH && removed.length < BATCH && entries < BATCH;
    return { removed: removed.length, done: isDone };
  }
}
