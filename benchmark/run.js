// npm run bench [-- memory redis postgres postgres-million] [-- --rounds N --requests N --quick]
import { readOptions } from './options.js';
import { prepare } from './prepare.js';

const { suites, ...options } = readOptions(process.argv.slice(2));
await prepare();

// Only now is everything there that these import.
const { compare } = await import('./compare.js');
const { grow } = await import('./growth/main.js');
const { SUITES } = await import('./suites.js');
for (const suite of SUITES.filter(({ name }) => suites.includes(name))) {
  await (suite.kind === 'growth' ? grow : compare)(suite, options);
}
