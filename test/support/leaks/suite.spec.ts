import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const rootDir = resolve(import.meta.dirname, '../../..');

/** Jest's report of one file, run as the suite runs its specs. */
async function run(file: string): Promise<{ success: boolean; testResults: [{ message: string }] }> {
  const { default: config } = (await import(join(rootDir, 'jest.config.js'))) as { default: { projects: [object] } };
  const folder = await mkdtemp(join(tmpdir(), 'leaks-'));
  const report = join(folder, 'report.json');
  const project = { ...config.projects[0], rootDir, testMatch: [file] };
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  const options = ['--config', JSON.stringify(project), '--maxWorkers', '1', '--json', '--outputFile', report];
  const child = spawn(process.execPath, ['--experimental-vm-modules', jest, ...options], {
    cwd: rootDir,
    stdio: 'ignore',
  });
  await once(child, 'exit');
  const text = await readFile(report, 'utf8');
  await rm(folder, { recursive: true });
  return JSON.parse(text) as Awaited<ReturnType<typeof run>>;
}

it('CVE-2023-20866: a spec that writes a token anywhere fails, with the test and the place and without the token', async () => {
  const { success, testResults } = await run(join(import.meta.dirname, 'fixtures/leaking.ts'));
  const [{ message }] = testResults;
  const told = new Set(
    [...message.matchAll(/token was written to (.*?), during or after "leaking (.*)":/g)]
      .map(([, place, test]) => `${String(test)}: ${String(place)}`)
      // Where Jest's console writes at once, the stream tells it a second time.
      .filter((line) => !line.endsWith('process.stderr (as it is)')),
  );

  expect(success).toBe(false);
  expect([...told].sort()).toEqual([
    'is the last: console.info (as it is)',
    'logs the beginning: Nest Logger.debug (as it is)',
    'prints it: console.log (as it is)',
    'tells in an event: the event store_notice (as it is)',
    'tells in an event: the session logger, warn (as it is)',
    'tells the session logger: the session logger, warn (hex)',
    'warns with an error: console.warn (as it is)',
    'writes bytes: process.stderr (bytes)',
  ]);
  expect(message).toContain('no session [token]');
  expect(message).toContain('fixtures/leaking.ts:');
  expect(message.match(/[\w-]{43}/g)).toBeNull();
});
