import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-token-session';
import { DatabaseSessionStore } from './database-session.store.js';
import { DatabaseModule } from './database.module.js';
import { NotesController } from './notes.controller.js';

@Module({
  // Nest builds the store, so its constructor is injected; `imports` has what it asks for.
  imports: [SessionModule.forRoot(DatabaseSessionStore, { imports: [DatabaseModule] })],
  controllers: [NotesController],
})
export class AppModule {}
