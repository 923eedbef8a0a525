import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { must, node, root, run, say } from './run.js';

const at = (...path) => join(root, ...path);
const changed = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** Installs the dependencies of a folder unless they are there and as new as its lock file. */
export async function install(folder = '') {
  if (changed(at(folder, 'node_modules', '.package-lock.json')) >= changed(at(folder, 'package-lock.json'))) return;
  say(folder === '' ? 'installing dependencies' : `installing the dependencies of ${folder}`);
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = { cwd: at(folder) };
  // Set when npm itself started us; it avoids the .cmd file that Windows would need a shell for.
  const npm = process.env.npm_execpath;
  await must(npm?.endsWith('.js') ? node([npm, ...args], options) : run('npm', args, options));
}

/** Builds the package unless dist is newer than everything it is made of. */
export async function build() {
  const sources = readdirSync(at('lib'), { recursive: true })
    .filter((file) => !file.endsWith('.spec.ts'))
    .map((file) => at('lib', file));
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.build.cjs.json'];
  const newest = Math.max(...[at('lib'), ...sources, ...settings.map((file) => at(file))].map(changed));
  if (changed(at('dist', 'cjs', 'package.json')) > newest) return;
  say('building the package');
  await must(node([at('tools', 'build.js')]));
}
