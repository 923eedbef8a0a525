import { Injectable } from '@nestjs/common';
import type { SessionStore, StoredSession } from 'nestjs-token-session';
import { DatabaseService } from './database.module.js';

/** Sessions in a table of the application's own database: the simple contract of a store. */
@Injectable()
export class DatabaseSessionStore implements SessionStore {
  constructor(private readonly database: DatabaseService) {}

  async get(sid: string): Promise<StoredSession | undefined> {
    const sql = 'SELECT data FROM session WHERE sid = ? AND expires_at > ?';
    const row = this.database.get(sql, sid, Date.now()) as { data: string } | undefined;
    return row && (JSON.parse(row.data) as StoredSession);
  }

  /** `ttl` is in ms: what is left of the session's life. */
  async set(sid: string, session: StoredSession, ttl: number): Promise<void> {
    const now = Date.now();
    // Nobody else removes what has ended. With the index it costs next to nothing when there is nothing.
    this.database.run('DELETE FROM session WHERE expires_at <= ?', now);
    this.database.run(
      `INSERT INTO session (sid, data, expires_at) VALUES (?, ?, ?)
       ON CONFLICT (sid) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`,
      sid,
      JSON.stringify(session),
      now + ttl,
    );
  }

  async destroy(sid: string): Promise<void> {
    this.database.run('DELETE FROM session WHERE sid = ?', sid);
  }

  // The three above are a store. What follows is used where it is there.

  /** Never brings back a session that has ended: it updates, and does not insert. */
  async touch(sid: string, session: StoredSession, ttl: number): Promise<void> {
    const sql = 'UPDATE session SET data = ?, expires_at = ? WHERE sid = ?';
    this.database.run(sql, JSON.stringify(session), Date.now() + ttl, sid);
  }

  /** For `SessionService.clear()`. */
  async clear(): Promise<void> {
    this.database.run('DELETE FROM session');
  }
}
