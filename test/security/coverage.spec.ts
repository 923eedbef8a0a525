import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BAR_ITEMS, type BarItem } from './bar-items.js';
import { titlesIn } from './support/titles.js';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/security.md'), 'utf8');

/** The source of a file of the repository; undefined when it is not there. */
type Read = (path: string) => string | undefined;
const read: Read = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);

interface Row {
  readonly id: string;
  readonly demand: string;
  /** The cell that names the tests, or says why there is none. */
  readonly proof: string;
}

/** The rows of the page that are about an item: `| **H7** demand | what we do | proof | duty |`. */
function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| \*\*(.+?)\*\* (.+?) *\|.*$/gm)].map(([line, id = '', demand = '']) => {
    const [, , , proof = ''] = line.split('|');
    return { id, demand, proof: proof.trim() };
  });
}

function pathsIn(text: string): string[] {
  return [...text.matchAll(/`((?:lib|sample|test)\/[^`\s]+\.ts)`/g)].map(([, path = '']) => path);
}

/** Whether a title is about an item: `H7`, `ASVS 7.2.4`, a group such as `3.3.x`, or the words of an advisory. */
function names(title: string, id: string): boolean {
  if (/\s/.test(id)) return title.includes(id);
  const escaped = id
    .replaceAll('.', '\\.')
    .replace(/(\d\\.\d+)\\.x$/, '$1(\\.\\d+)*')
    .replace(/\\.x$/, '\\.(x|[\\d.]+)');
  return new RegExp(`(?<![\\w.-])${escaped}(?![\\w-]|\\.\\d)`).test(title);
}

/** Reads the titles of each file once: its own, and those of the files beside it that it takes its tests from. */
function titleReader(sourceOf: Read): (path: string) => string[] | undefined {
  const known = new Map<string, string[]>();
  const ownTitles = (path: string, source: string): string[] => {
    const titles = known.get(path) ?? titlesIn(source);
    known.set(path, titles);
    return titles;
  };
  return (path) => {
    const source = sourceOf(path);
    if (source === undefined) return undefined;
    const shared = [...source.matchAll(/ from '(\.[^']*\/support\/[^']*)\.js'/g)].map(([, from = '']) => from);
    const sharedTitles = shared.flatMap((from) => {
      const beside = join(dirname(path), `${from}.ts`);
      return ownTitles(beside, sourceOf(beside) ?? '');
    });
    return [...ownTitles(path, source), ...sharedTitles];
  };
}

/** The items of ASVS and the advisories that a title names. */
function itemsIn(title: string): string[] {
  const lists = title.match(/ASVS \d+(\.\d+)+((, (ASVS )?| and )\d+(\.\d+)+)*/g) ?? [];
  return [...lists.flatMap((list) => list.match(/\d+(\.\d+)+/g) ?? []), ...(title.match(/CVE-\d+-\d+/g) ?? [])];
}

/** What is wrong with the tables of a page, one sentence each. */
function faultsOf(text: string, items: readonly BarItem[], sourceOf: Read): string[] {
  const rows = rowsOf(text);
  const titlesOf = titleReader(sourceOf);
  const faults = items.flatMap(({ id, demand }) => {
    const own = rows.filter((row) => row.id === id);
    if (own.length !== 1) return [`${id} has ${String(own.length)} rows`];
    return own[0]?.demand === demand ? [] : [`${id} is described otherwise in bar-items.ts`];
  });
  for (const { id, proof } of rows) {
    if (!items.some((item) => item.id === id)) faults.push(`${id} is no item`);
    if (/^No test: .{20,}/.test(proof)) continue;
    const [shown = '', beside = ''] = proof.split('; beside it ');
    const tests = pathsIn(shown);
    if (tests.length === 0) faults.push(`${id} names neither a test nor the reason why there is none`);
    for (const path of [...tests, ...pathsIn(beside)]) {
      const there = titlesOf(path);
      if (there === undefined) faults.push(`${id}: ${path} is not there`);
      else if (tests.includes(path) && !there.some((title) => names(title, id))) {
        faults.push(`${id}: no title of ${path} is about it`);
      }
    }
  }
  return faults;
}

describe('docs/security.md', () => {
  it('has a row for each item of the bar, and each names tests that are there and are about it', () => {
    expect(faultsOf(page, BAR_ITEMS, read)).toEqual([]);
  }, 60_000);

  it('has a row for each item that a title in test/security names', () => {
    const specs = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && join(import.meta.dirname, file) !== import.meta.filename)
      .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
    const named = new Set(specs.flatMap(titlesIn).flatMap(itemsIn));
    expect(named).toContain('7.4.2');
    expect(named).toContain('CVE-2024-31999');
    const known = (item: string): boolean => BAR_ITEMS.some(({ id }) => names(item, id));
    expect([...named].filter((item) => !known(item))).toEqual([]);
  }, 60_000);

  it('names no file that is not there', () => {
    expect(pathsIn(page).length).toBeGreaterThan(BAR_ITEMS.length);
    expect(pathsIn(page).filter((path) => read(path) === undefined)).toEqual([]);
    const linked = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => join('docs', path));
    expect(linked.filter((path) => read(path) === undefined)).toEqual([]);
  });

  it('is what SECURITY.md and the README lead to', () => {
    expect(read('SECURITY.md')).toContain('](docs/security.md)');
    expect(read('README.md')).toContain('](docs/security.md)');
  });

  it('has a bar without an item twice', () => {
    expect(new Set(BAR_ITEMS.map(({ id }) => id)).size).toBe(BAR_ITEMS.length);
  });
});

describe('a page that does not say what is so', () => {
  const items: BarItem[] = [
    { id: 'H7', demand: 'the cookie twice' },
    { id: '3.3.x', demand: 'attributes of cookies' },
  ];
  const sources: Record<string, string> = {
    'test/a.spec.ts': "describe('x', () => { it('H7, ASVS 3.3.1: none', () => {}); });",
    'test/b.spec.ts': "const ROWS = [['H7: twice']]; it.each(ROWS)('%s', () => {});",
    'test/c.spec.ts': 'nothing',
    'test/e/e.spec.ts': "import { describeItems } from '../support/items.js'; describeItems('a store');",
    'test/support/items.ts': "export const describeItems = () => it('H7: none', () => {});",
    'test/d.spec.ts': "it('H77 and 13.3.1', () => { call('H7 in the body of a test'); });",
  };
  const good = [
    '| **H7** the cookie twice | none | `test/a.spec.ts`, `test/b.spec.ts`; beside it `test/c.spec.ts` | |',
    '| **3.3.x** attributes of cookies | set | `test/a.spec.ts` | |',
  ];
  const faults = (rows: string[], files = sources) => faultsOf(rows.join('\n'), items, (path) => files[path]);

  it('is told from one that does', () => {
    expect(faults(good)).toEqual([]);
    const reason = '| **3.3.x** attributes of cookies | set | No test: browsers do it, not we | |';
    expect(faults([good[0] as string, reason])).toEqual([]);
  });

  it.each<[string, (row: string) => string, string]>([
    ['a test that was deleted', (row) => row.replace('a.spec', 'gone.spec'), 'H7: test/gone.spec.ts is not there'],
    ['one beside it', (row) => row.replace('c.spec', 'gone.spec'), 'H7: test/gone.spec.ts is not there'],
    [
      'a test about other things',
      (row) => row.replace('a.spec', 'c.spec'),
      'H7: no title of test/c.spec.ts is about it',
    ],
    ['no test', (row) => row.replace(/`.*`/, ''), 'H7 names neither a test nor the reason why there is none'],
    [
      'no reason',
      (row) => row.replace(/`.*`/, 'No test: no.'),
      'H7 names neither a test nor the reason why there is none',
    ],
    ['another demand', (row) => row.replace('twice', 'once'), 'H7 is described otherwise in bar-items.ts'],
    ['the row twice', (row) => `${row}\n${row}`, 'H7 has 2 rows'],
    ['no row', () => '', 'H7 has 0 rows'],
    ['a row too many', (row) => `${row}\n${row.replace('H7', 'H8')}`, 'H8 is no item'],
  ])('is told with %s', (_what, change, fault) => {
    expect(faults([change(good[0] as string), good[1] as string])).toContain(fault);
  });

  it('may name a spec that takes its tests from beside it', () => {
    expect(faults([(good[0] as string).replace('a.spec', 'e/e.spec'), good[1] as string])).toEqual([]);
    const renamed = { ...sources, 'test/support/items.ts': "export const describeItems = () => it('none', () => {});" };
    expect(faults([(good[0] as string).replace('a.spec', 'e/e.spec'), good[1] as string], renamed)).toEqual([
      'H7: no title of test/e/e.spec.ts is about it',
    ]);
  });

  it('is told when the title of its test no longer names the item', () => {
    const renamed = { ...sources, 'test/a.spec.ts': "it('ASVS 3.3.1: none', () => {});" };
    expect(faults(good, renamed)).toEqual(['H7: no title of test/a.spec.ts is about it']);
    const untabled = { ...sources, 'test/b.spec.ts': "const ROWS = [['H7: twice']]; it.each(ROWS)('all', () => {});" };
    expect(faults(good, untabled)).toEqual(['H7: no title of test/b.spec.ts is about it']);
  });
});
