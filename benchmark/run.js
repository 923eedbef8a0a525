// npm run bench [-- memory redis postgres postgres-million] [-- --rounds N --requests N --quick]
import { readOptions } from './options.js';
import { prepare } from './prepare.js';

const { suites, ...options } = readOptions(process.argv.slice(2));
await prepare();

// Only now is everything there that these import.
const { SUITES } = await import('./suites.js');
const { KINDS } = await import('./kinds.js');
for (const suite of SUITES.filter(({ name }) => suites.includes(name))) {
  const { run } = await import(KINDS[suite.kind].file);
  await run(suite, options);
}
