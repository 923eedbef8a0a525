import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, must, node, root } from './run.js';

const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.build.cjs.json']) {
  await must(node([bin('typescript', 'tsc'), '-p', project]));
}
for (const file of ['collection.json', 'nest-add/schema.json']) {
  copyFileSync(join(root, 'lib/schematics', file), join(dist, 'cjs/schematics', file));
}
// Written last: tools/prepare.js takes this file for the end of a complete build.
writeFileSync(join(dist, 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
