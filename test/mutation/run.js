// npm run mutation [-- <file>[:<line>-<line>] … <options of Stryker>]; without files all of targets.js.
import { join } from 'node:path';
import { install } from '../../tools/prepare.js';
import { must, node, root, say } from '../../tools/run.js';
import { fileOf } from './plan.js';
import { scoreOf, table } from './scores.js';
import { TARGETS } from './targets.js';

const given = process.argv.slice(2);
const named = given.filter((argument) => !argument.startsWith('-'));
const options = given.filter((argument) => argument.startsWith('-'));
const unknown = named.find((target) => !Object.hasOwn(TARGETS, fileOf(target)));
if (unknown !== undefined) {
  console.error(`${unknown} is not in test/mutation/targets.js. Files: ${Object.keys(TARGETS).join(', ')}`);
  process.exit(1);
}

await install();
await install('test/mutation');
const stryker = join(root, 'test/mutation/node_modules/@stryker-mutator/core/bin/stryker.js');
const config = join(root, 'test/mutation/stryker.config.js');
const scores = [];
for (const target of named.length > 0 ? named : Object.keys(TARGETS)) {
  say(target);
  // One run for each file: Stryker would load the specs of all of them for every mutant.
  await must(node([stryker, 'run', config, ...options], { env: { ...process.env, MUTATE: target } }));
  scores.push(scoreOf(target));
}
console.log(`\n${table(scores)}`);
