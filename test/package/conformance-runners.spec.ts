import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const fixture = join(import.meta.dirname, 'fixtures/conformance');

const bin = (file: string): string => join(root, 'node_modules', file);

/** How each runner is started on its file; all get the suite from the built package. */
const RUNNERS: Readonly<Record<string, readonly string[]>> = {
  Jest: ['--experimental-vm-modules', bin('jest/bin/jest.js'), '--config', join(fixture, 'jest.config.mjs')],
  Vitest: [bin('vitest/vitest.mjs'), 'run', '--config', join(fixture, 'vitest.config.mjs')],
  Mocha: [bin('mocha/bin/mocha.js'), join(fixture, 'stores.mocha.mjs')],
  'node:test': ['--test', join(fixture, 'stores.node.mjs')],
};

/** A rule that a store breaks whose create overwrites. */
const BROKEN_RULE = 'create: never overwrites (tower-sessions: an upsert took over a colliding id)';

interface Outcome {
  readonly code: number | null;
  readonly printed: string;
}

function run(args: readonly string[], environment: Record<string, string>): Promise<Outcome> {
  // What Jest tells its own workers, and node:test its own processes, is not for those started here.
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, JEST_WORKER_ID: _worker, ...rest } = process.env;
  return new Promise((resolve, reject) => {
    const env = { ...rest, NO_COLOR: '1', CI: '1', ...environment };
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (printed += String(part)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, printed }));
  });
}

describe.each(Object.entries(RUNNERS))('the published suite under %s', (_name, args) => {
  it('passes for a store that keeps the contract', async () => {
    const { code, printed } = await run(args, {});
    expect(printed).not.toMatch(/0 tests|no test/i);
    expect({ code, printed: code === 0 ? '' : printed }).toEqual({ code: 0, printed: '' });
  });

  it('fails for a store that breaks it, and names the rule, and the seed that the environment sets', async () => {
    const { code, printed } = await run(args, { BROKEN: '1', SESSION_STORE_SEED: '4711' });
    expect(code).not.toBe(0);
    expect(printed).toContain(BROKEN_RULE);
    expect(printed).toContain('random operations give what a simple model gives (seed 4711)');
    expect(printed).toContain('seed 4711, after:');
  });
});
