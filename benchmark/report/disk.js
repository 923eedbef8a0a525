import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spreadOf } from '../statistics.js';

const TIMES = 100;
const PAGE = Buffer.alloc(8_192, 'x');

/** How many ms the disk of the folder for temporary files takes to keep a page, as PostgreSQL asks it to. */
export function syncTime() {
  const dir = mkdtempSync(join(tmpdir(), 'benchmark-disk-'));
  const file = openSync(join(dir, 'pages'), 'w');
  try {
    const times = Array.from({ length: TIMES }, () => {
      const before = performance.now();
      writeSync(file, PAGE);
      fdatasyncSync(file);
      return performance.now() - before;
    });
    return spreadOf(times).median;
  } finally {
    closeSync(file);
    rmSync(dir, { recursive: true });
  }
}
