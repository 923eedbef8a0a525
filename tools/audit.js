// npm run check:audit: asks the registry for published vulnerabilities of what users install with the package.
// Exit code 1: there are some. 75: nobody answered, so that nothing is known; never taken for a pass.
import { spawnSync } from 'node:child_process';
import { root } from './run.js';

const UNKNOWN = 75;

const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0'];
// Set when npm itself started us; it avoids the .cmd file that Windows would need a shell for.
const npm = process.env.npm_execpath;
const [command, ...before] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
const { stdout } = spawnSync(command, [...before, ...args], { cwd: root, encoding: 'utf8', timeout: 60_000 });

const report = parsed(stdout);
if (report?.auditReportVersion === undefined) {
  console.error(`NOT CHECKED: the registry did not answer the audit: ${report?.message ?? 'no answer in time'}`);
  process.exit(UNKNOWN);
}
const found = Object.values(report.vulnerabilities);
for (const { name, severity, via } of found) {
  const reasons = via.map((reason) => (typeof reason === 'string' ? `by ${reason}` : `${reason.title} ${reason.url}`));
  console.error(`${name}, ${severity}: ${reasons.join('; ')}`);
}
console.log(`${found.length} vulnerable runtime dependencies`);
process.exitCode = found.length > 0 ? 1 : 0;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
