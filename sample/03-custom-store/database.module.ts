import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Module, type OnApplicationShutdown } from '@nestjs/common';
import Database from 'libsql';

/** The database of the application; everybody may inject it. Put your own in its place: Prisma, Knex, TypeORM. */
export class DatabaseService implements OnApplicationShutdown {
  private readonly database: Database.Database;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.database = new Database(file);
    this.database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS session (sid TEXT PRIMARY KEY, data TEXT NOT NULL, expires_at REAL NOT NULL);
      CREATE INDEX IF NOT EXISTS session_expiry ON session (expires_at);
    `);
  }

  /** Runs a statement and gives how many rows it has changed. */
  run(sql: string, ...values: unknown[]): number {
    return this.database.prepare(sql).run(...values).changes;
  }

  /** The first row; undefined when there is none. */
  get(sql: string, ...values: unknown[]): unknown {
    return this.database.prepare(sql).get(...values);
  }

  /** HTTP is closed by now, and the session module, which imports this one, has let go of the store. */
  onApplicationShutdown(): void {
    this.database.close();
  }
}

@Module({
  providers: [
    {
      provide: DatabaseService,
      useFactory: () =>
        new DatabaseService(process.env.DATABASE_FILE || join(import.meta.dirname, '../data/custom-store.db')),
    },
  ],
  exports: [DatabaseService],
})
export class DatabaseModule {}
