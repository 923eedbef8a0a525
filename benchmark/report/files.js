import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { markdown } from './markdown.js';

/** Writes the results next to the benchmark, formatted as the repository's other files. */
export async function writeResults(results) {
  await write('results.md', markdown(results));
  await write('results.json', JSON.stringify(results));
}

async function write(name, text) {
  const file = fileURLToPath(new URL(`../${name}`, import.meta.url));
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}
