import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { anchorsOf, brokenLinksOf, linksOf } from './support/links.js';
import { DOCS, PAGES, root, SAMPLES } from './support/pages.js';

const read = (page: string): string => readFileSync(join(root, page), 'utf8');

describe('links of the documentation', () => {
  it('is about README, docs, and the samples', () => {
    expect(PAGES).toEqual(expect.arrayContaining(['README.md', 'docs/README.md', 'sample/01-quick-start/README.md']));
  });

  it.each(PAGES)('%s: each leads to a file, and to a heading of it', (page) => {
    expect(brokenLinksOf(root, page)).toEqual([]);
  });

  it('a wrong file, heading or way out would be found', () => {
    const text = [
      '# One two',
      '[a](../README.md) [b](#one-two) [c](https://example.com/nowhere) [d](../README.md#try-it)',
      '`[code](nowhere.md)`',
      '```md\n[code](nowhere.md)\n```',
      '[two\nlines](nowhere.md) ![image](nowhere.png)',
      '[no](#one) [no](../README.md#nowhere) [no](../../elsewhere.md)',
    ].join('\n');
    expect(brokenLinksOf(root, 'docs/wrong.md', text)).toEqual([
      'docs/wrong.md:8: nowhere.md does not exist',
      'docs/wrong.md:8: nowhere.png does not exist',
      'docs/wrong.md:9: #one has no such heading',
      'docs/wrong.md:9: ../README.md#nowhere has no such heading',
      'docs/wrong.md:9: ../../elsewhere.md leads out of the repository',
    ]);
  });

  it('anchors are those that GitHub makes', () => {
    const text = "# It's `update()`, twice\n## A\n## A\n## [Link](x.md) – and: more\n```sh\n# no heading\n```\n";
    expect([...anchorsOf(text)]).toEqual(['its-update-twice', 'a', 'a-1', 'link--and-more']);
  });
});

describe('what can be found', () => {
  it('docs/README.md leads to every page of docs', () => {
    const linked = new Set(linksOf(read('docs/README.md')).map(({ target }) => target.split('#')[0]));
    expect(DOCS.map((page) => basename(page)).filter((name) => name !== 'README.md' && !linked.has(name))).toEqual([]);
  });

  it('README.md leads to docs/README.md', () => {
    expect(linksOf(read('README.md')).map(({ target }) => target)).toContain('docs/README.md');
  });

  it('every page of docs that the code names is there', () => {
    const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      /(?<!\.spec)\.ts$/.test(name),
    );
    const named = sources.flatMap((name) => read(join('lib', name)).match(/\bdocs\/[\w-]+\.md/g) ?? []);
    expect(named).not.toEqual([]);
    expect(named.filter((page) => !DOCS.includes(page))).toEqual([]);
  });

  it('every sample has a README', () => {
    const samples = readdirSync(join(root, 'sample')).filter((name) => /^\d\d-/.test(name));
    expect(SAMPLES).toEqual(expect.arrayContaining(samples.map((name) => join('sample', name, 'README.md'))));
  });
});
