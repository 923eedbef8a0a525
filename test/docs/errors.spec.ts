import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './support/pages.js';

const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const source = readFileSync(join(root, 'lib/session.errors.ts'), 'utf8');

describe('docs/errors.md', () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` +\|(?: (\d{3}) +\|)?/gm)];

  it('has the codes that clients see, with their statuses', () => {
    const statuses = [...source.matchAll(/^ {2}([A-Z_]+): (\d{3}),$/gm)].map(([, code, status]) => [code, status]);
    expect(statuses.length).toBeGreaterThan(10);
    expect(rows.filter(([, , status]) => status !== undefined).map(([, code, status]) => [code, status])).toEqual(
      statuses,
    );
  });

  it('has every other code, each once, and no other', () => {
    const codes = [...source.matchAll(/readonly code:((?:\s*\|?\s*'[A-Z_]+')+)/g)].flatMap(([, union = '']) => [
      ...union.matchAll(/[A-Z_]+/g),
    ]);
    expect(codes.length).toBeGreaterThan(20);
    const told = rows.filter(([, , status]) => status === undefined).map(([, code]) => code);
    expect(told.toSorted()).toEqual(codes.map(([code]) => code).toSorted());
  });
});
