// The conformance suite as tests of node:test: conformance.js <driver>. Uses the built package.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after as afterAll, describe, it } from 'node:test';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { DRIVERS } from './drivers.js';

const [, , driver] = process.argv;
const folder = mkdtempSync(join(tmpdir(), 'sessions-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open = ({ key, after }) => {
  const database = DRIVERS[driver](join(folder, 'sessions.db'));
  after(() => database.close());
  return new SqliteStore({ database, table: key, synchronous: 'normal' });
};

describeSessionStore(
  driver,
  open,
  { users: true, sweep: true, count: true, clear: true, reopen: open },
  { describe, it },
);
