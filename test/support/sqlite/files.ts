import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';

const folders: string[] = [];
const opened: Database.Database[] = [];

/** A file that is not there yet, in a folder of its own; removed with its database at the end: `afterEach(removeFiles)`. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sessions-'));
  folders.push(folder);
  return join(folder, 'sessions.db');
}

/** A connection to a file, or to a memory of its own. Closed at the end: `afterEach(removeFiles)`. */
export function openDatabase(file: string = newFile()): Database.Database {
  const database = new Database(file);
  opened.push(database);
  return database;
}

/** Closes what was opened, and removes the files. */
export function removeFiles(): void {
  for (const database of opened.splice(0)) if (database.open) database.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}
