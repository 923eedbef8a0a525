import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, install } from '../tools/prepare.js';
import { must, node, run, say } from '../tools/run.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const changed = (file) => {
  const path = new URL(file, import.meta.url);
  return existsSync(path) ? statSync(path).mtimeMs : 0;
};

/** Nest, our build and the peers. */
export async function prepare() {
  await install();
  await build();
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return;
  say('installing the peers');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // As in tools/prepare.js: without a shell, also on Windows.
  const npm = process.env.npm_execpath;
  const options = { cwd: here };
  await must(npm?.endsWith('.js') ? node([npm, ...args], options) : run('npm', args, options));
}
