import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const samples = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const read = (...path: string[]): string => readFileSync(join(here, ...path), 'utf8');

/** What a sample is made of, without its specs. */
function sourcesOf(sample: string): string {
  return readdirSync(join(here, sample), { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(?!dist\b).*\.ts$/.test(file) && !file.endsWith('.spec.ts'))
    .map((file) => read(sample, file))
    .join('\n');
}

it('the list of samples has all of them', () => {
  const listed = [...read('README.md').matchAll(/\]\(([^/]+)\/README\.md\)/g)].map(([, name]) => name);
  expect(listed.sort()).toEqual(samples.sort());
});

it.each(samples)('%s has a README that says how to start it, and what is different in production', (sample) => {
  const readme = read(sample, 'README.md');
  expect(readme).toContain(sample === '01-quick-start' ? 'npm start ' : `npm start -- ${sample}`);
  expect(readme).toMatch(/^## For production$/m);
});

/** The code under "The lines that matter", line by line; none where there is no code. */
function linesThatMatter(sample: string): string[] {
  const section = read(sample, 'README.md')
    .split('\n## ')
    .find((text) => text.startsWith('The lines that matter'));
  const [, block = ''] = /```ts\n(.*?)```/s.exec(section ?? '') ?? [];
  return trimmed(block);
}

const trimmed = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

it.each(samples.filter((sample) => linesThatMatter(sample).length > 0))(
  '%s has the lines that matter in its code, as they stand in its README',
  (sample) => {
    const sources = new Set(trimmed(sourcesOf(sample)));
    expect(linesThatMatter(sample).filter((line) => !sources.has(line))).toEqual([]);
  },
);
