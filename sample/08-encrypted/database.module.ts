import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import Database from 'libsql';
import { settingsOf, type Settings } from './settings.js';

export const SETTINGS = Symbol('SETTINGS');
export const DATABASE = Symbol('DATABASE');

function open({ file }: Settings): Database.Database {
  mkdirSync(dirname(file), { recursive: true });
  return new Database(file);
}

@Module({
  providers: [
    { provide: SETTINGS, useFactory: () => settingsOf(process.env) },
    { provide: DATABASE, inject: [SETTINGS], useFactory: open },
  ],
  exports: [SETTINGS, DATABASE],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(DATABASE) private readonly database: Database.Database) {}

  /** HTTP is closed by now, and the session module, which imports this one, has let go of the store. */
  onApplicationShutdown(): void {
    this.database.close();
  }
}
