import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Says what is done now, in one line. */
export const say = (line) => console.log(`> ${line}`);

/** Runs a program in the repository and gives its exit code. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const release = outlive(child);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('close', (code, signal) => {
      release();
      resolve(signal ? 1 : code);
    });
  });
}

/** Ends the child when this process is told to end, and only then lets this process end. */
function outlive(child) {
  // A Ctrl-C reaches the child by itself.
  const wait = () => {};
  const end = () => child.kill('SIGTERM');
  process.on('SIGINT', wait).on('SIGTERM', end);
  // `npm` passes a SIGTERM to its shell, which dies of it without passing it on.
  const parent = process.ppid;
  const orphaned = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(orphaned);
    end();
  }, 500);
  orphaned.unref();
  return () => {
    clearInterval(orphaned);
    process.off('SIGINT', wait).off('SIGTERM', end);
  };
}

export const node = (args, options) => run(process.execPath, args, options);

/** Runs a step that the following ones need; a failure ends the process. */
export async function must(step) {
  const code = await step;
  if (code !== 0) process.exit(code);
}

/** The JavaScript file behind a dependency's command: needs no shell and no .bin folder. */
export function bin(dependency, command = dependency) {
  const folder = join(root, 'node_modules', dependency);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command]);
}
