// npm test [-- <jest arguments>]; with --fast only the specs that need neither dist nor other programs.
import { build, install } from './prepare.js';
import { provide } from './programs.js';
import { bin, node, say } from './run.js';

const fast = process.argv[2] === '--fast';
const args = process.argv.slice(fast ? 3 : 2);

await install();
if (!fast) {
  // Drivers that are compiled, and a Node that brings one.
  await install('test/drivers/sqlite');
  await build();
  if (!provide(say)) process.exit(1);
}

process.exitCode = await node([
  '--experimental-vm-modules',
  // Only Jest's use of that flag would be reported, once per worker.
  '--disable-warning=ExperimentalWarning',
  bin('jest'),
  ...args,
  ...(fast ? ['--selectProjects', 'fast'] : []),
]);
