import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../../..');

const folders = (name: string): string[] =>
  readdirSync(join(root, name), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => join(name, entry.name));

const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

/** The pages of docs/, by their paths in the repository. */
export const DOCS = pagesIn('docs');

/** The pages of the samples. */
export const SAMPLES = ['sample', ...folders('sample')]
  .map((folder) => join(folder, 'README.md'))
  .filter((page) => existsSync(join(root, page)));

/** All pages that somebody reads. */
export const PAGES = [...pagesIn('.'), ...DOCS, ...SAMPLES, ...pagesIn('benchmark'), ...pagesIn('test/mutation')];
