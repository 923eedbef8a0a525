// npm run bench [-- --rounds N --requests N --quick]
import { readOptions } from './options.js';
import { prepare } from './prepare.js';

const options = readOptions(process.argv.slice(2));
await prepare();

// Only now is everything there that these import.
const { compare } = await import('./compare.js');
await compare(options);
