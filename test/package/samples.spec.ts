import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { node } from './support/app.js';

const root = join(import.meta.dirname, '../..');

/** It starts a Redis and its processes; its own spec does that. */
const NEEDS_REDIS = '02-fastify-redis';

/** Where a sample says that it listens. */
const ADDRESS = /http:\/\/[\w.]+:\d+(?=[\s/])/;

const projects = Object.keys(
  (JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8')) as { projects: object }).projects,
);

describe('the samples', () => {
  it('are all known to nest-cli.json', async () => {
    const entries = await readdir(join(root, 'sample'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect([...projects].sort()).toEqual(folders.sort());
  });

  it.each(projects)('%s is built by nest-cli against the built package', async (project) => {
    await node(root, 'node_modules/@nestjs/cli/bin/nest.js', 'build', project);
    expect(existsSync(join(root, 'sample', project, 'dist/main.js'))).toBe(true);
  });

  it.each(projects.filter((project) => project !== NEEDS_REDIS))(
    '%s starts as it was built, says where, answers, and ends with SIGTERM',
    async (project) => {
      const sample = start(`sample/${project}/dist/main.js`, '0');
      let url = '';
      try {
        url = await sample.printed(ADDRESS);
        expect((await fetch(url)).status).toBeLessThan(500);
      } finally {
        await sample.end();
      }
      await expect(fetch(url)).rejects.toThrow('fetch failed');
    },
  );

  it('start with `npm start`, on PORT, and end with it', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const sample = start('tools/start.js', new URL(url).port);
    try {
      expect(await sample.printed(ADDRESS)).toBe(url);
      expect((await fetch(url)).status).toBeLessThan(500);
    } finally {
      await sample.end();
    }
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});

/** Starts a program in the root of the repository. */
function start(script: string, PORT: string) {
  const env = { ...process.env, PORT };
  const started = spawn(process.execPath, [script], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => started.once('close', resolve));
  let output = '';
  return {
    /** What it prints, once it does. */
    async printed(what: RegExp): Promise<string> {
      const found = new Promise<string>((resolve) => {
        const look = (text: Buffer): void => {
          output += text.toString();
          const [match] = what.exec(output) ?? [];
          if (match !== undefined) resolve(match);
        };
        started.stdout.on('data', look);
        started.stderr.on('data', look);
      });
      const early = ended.then(() => Promise.reject(new Error(`${script} ended by itself.\n${output}`)));
      return Promise.race([found, early]);
    },
    async end(): Promise<void> {
      started.kill('SIGTERM');
      await ended;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
