import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';

const dir = mkdtempSync(join(tmpdir(), 'benchmark-sqlite-'));
// A signal ends a process without that event.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit());
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));

export const file = join(dir, 'sessions.db');

/** A database in a file that ends with this process. */
export const database = new Database(file);
