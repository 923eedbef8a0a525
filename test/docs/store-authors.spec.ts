import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import * as library from 'nestjs-token-session';
import { SEED_VARIABLE } from '../../lib/testing/conformance/capabilities.js';
import { describeSessionStore, type StoreCapabilities } from 'nestjs-token-session/testing';
import ts from 'typescript';

const page = readFileSync(join(import.meta.dirname, '../../docs/store-authors.md'), 'utf8');

/** The example of the page, as a reader would copy it. */
function exampleOf(text: string): new (db: unknown) => library.AtomicSessionStore {
  const code = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = '']) => block);
  const [example] = code.filter((block) => block.includes('export class TableStore'));
  const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(example ?? '', { compilerOptions: options });
  const exported: { TableStore?: new (db: unknown) => library.AtomicSessionStore } = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function('require', 'exports', outputText) as (load: unknown, into: unknown) => void;
  run((name: string) => (name === 'nestjs-token-session' ? library : undefined), exported);
  if (exported.TableStore === undefined) throw new Error('the page has no TableStore');
  return exported.TableStore;
}

const TableStore = exampleOf(page);
const databases = new Map<string, unknown>();

describeSessionStore(
  'the example of docs/store-authors.md',
  ({ key, after }) => {
    const db = databases.get(key) ?? new Database(':memory:');
    databases.set(key, db);
    after(() => databases.delete(key));
    return new TableStore(db);
  },
  { users: false, sweep: true, count: true, clear: true, sweepBatch: 500 },
  { describe, it },
);

describe('docs/store-authors.md', () => {
  it('explains each code that titles begin with, and no other', () => {
    const titles: string[] = [];
    const runner = { describe: (_name: string, body: () => void) => body(), it: (title: string) => titles.push(title) };
    const reopen = (): library.MemoryStore => new library.MemoryStore();
    describeSessionStore('x', reopen, { resends: true, reopen, sweepBatch: 1 }, runner);
    describeSessionStore('x', reopen, { contract: 'simple' }, runner);
    const codesIn = (text: string): string[] => [...new Set(text.match(/\b[A-Z]\d\d\b/g))].sort();
    const [, table = ''] = page.split('| in a title ');
    expect(codesIn(titles.join())).toContain('F70');
    expect(codesIn(table)).toEqual(codesIn(titles.join()));
  });

  it('names every capability, and no other', () => {
    const names = [...(page.split('| capability ')[1]?.matchAll(/^\| (`.*?) \|/gm) ?? [])].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    );
    const capabilities: Required<StoreCapabilities> = {
      contract: 'atomic',
      resends: false,
      reopen: () => new library.MemoryStore(),
      maxPayload: 1_000_000,
      expiresByItself: false,
      users: true,
      sweep: true,
      count: true,
      clear: true,
      endings: true,
      sweepBatch: 1,
      seed: 1,
    };
    expect(names.sort()).toEqual(Object.keys(capabilities).sort());
    expect(page).toContain(SEED_VARIABLE);
  });
});
