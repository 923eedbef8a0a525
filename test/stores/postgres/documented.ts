import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/postgres.md'), 'utf8');

/** The statements of docs/postgres.md, block by block. */
export const BLOCKS: string[][] = [...PAGE.matchAll(/^```sql\r?\n(.*?)^```/gms)].map(([, code = '']) =>
  code
    .split(/;\s*(?:--[^\n]*)?$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== ''),
);

/** Those that make the role `sessions`, which only runs the application. */
export const GRANTS: string[] = BLOCKS.find(([first = '']) => first.startsWith('CREATE ROLE sessions')) ?? [];

/** What careful databases take from everybody, so that only what is granted counts. */
export const HARDENING =
  'REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC';
