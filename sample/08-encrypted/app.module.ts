import { Module } from '@nestjs/common';
import { encrypted, SessionModule } from 'nestjs-token-session';
import { SqliteStore, type SqliteDatabase } from 'nestjs-token-session/sqlite';
import { CheckoutController } from './checkout.controller.js';
import { DATABASE, DatabaseModule, SETTINGS } from './database.module.js';
import type { Settings } from './settings.js';

@Module({
  imports: [
    SessionModule.forRootAsync({
      imports: [DatabaseModule],
      inject: [DATABASE, SETTINGS],
      useFactory: (database: SqliteDatabase, { keys }: Settings) => ({
        store: new SqliteStore({ database }),
        codec: encrypted({ keys }),
      }),
    }),
  ],
  controllers: [CheckoutController],
})
export class AppModule {}
