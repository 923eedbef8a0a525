import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { SUITES } from '../suites.js';
import { chart } from './chart.js';
import { markdown } from './markdown.js';

const place = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Writes the results of a part next to the benchmark, formatted as the repository's other files. The others' stay. */
export async function writeResults({ name }, results) {
  const all = { ...lastResults(), [name]: results };
  await write('results.md', markdown(all));
  await write('results.json', JSON.stringify(all));
  writeFileSync(place('results.svg'), chart(all));
}

/** By the name of the part. */
function lastResults() {
  const file = place('results.json');
  const last = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return Object.fromEntries(SUITES.filter(({ name }) => name in last).map(({ name }) => [name, last[name]]));
}

async function write(name, text) {
  const file = place(name);
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}
