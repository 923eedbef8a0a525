// npm start [-- <name of a folder in sample/>]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, install } from './prepare.js';
import { bin, node, root, say } from './run.js';

const { projects } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
const sample = process.argv[2] ?? '01-quick-start';

if (!Object.hasOwn(projects, sample)) {
  console.error(`There is no sample ${sample}. Samples: ${Object.keys(projects).join(', ')}`);
  process.exit(1);
}

await install();
await build();
say(`starting sample ${sample}`);
// Without a shell in between, signals reach the sample itself.
process.exitCode = await node([bin('@nestjs/cli', 'nest'), 'start', sample, '--no-shell']);
