import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** Programs that tests drive for real, and the Debian packages that bring them. */
const programs = [
  { name: 'Chromium', file: '/usr/bin/chromium', debian: 'chromium' },
  { name: 'curl', file: '/usr/bin/curl', debian: 'curl' },
  { name: 'Redis', file: '/usr/bin/redis-server', debian: 'redis-server' },
  { name: 'PostgreSQL', file: '/usr/lib/postgresql/*/bin/postgres', debian: 'postgresql' },
  { name: 'PgBouncer', file: '/usr/sbin/pgbouncer', debian: 'pgbouncer' },
];

/** Installs what is missing where that is ours to do; elsewhere says which command does it. */
export function provide(say) {
  const missing = programs.filter(({ file }) => !isThere(file));
  if (missing.length === 0) return true;

  const packages = missing.map(({ debian }) => debian);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    const lacking = missing.map(({ name, file }) => `${name} (${file})`).join(', ');
    console.error(
      `The tests need ${lacking}. On Debian: sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}`,
    );
    console.error('Or run the tests that need no other program: npm run test:fast');
    return false;
  }
  say(`installing ${packages.join(', ')}`);
  return apt('update') && apt('install', '-y', '--no-install-recommends', ...packages);
}

/** A `*` stands for a version: Debian keeps those of PostgreSQL beside each other. */
function isThere(file) {
  const [before, after] = file.split('*');
  if (after === undefined) return existsSync(file);
  return existsSync(before) && readdirSync(before).some((version) => existsSync(`${before}${version}${after}`));
}

function apt(...args) {
  const { status, stdout, stderr } = spawnSync('apt-get', ['-q', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) console.error(`apt-get ${args[0]} failed.\n${stdout}${stderr}`);
  return status === 0;
}
