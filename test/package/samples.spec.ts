import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { node } from './support/app.js';

const root = join(import.meta.dirname, '../..');

describe('the samples', () => {
  let projects: string[];

  beforeAll(async () => {
    const text = await readFile(join(root, 'nest-cli.json'), 'utf8');
    projects = Object.keys((JSON.parse(text) as { projects: object }).projects);
  });

  it('are all known to nest-cli.json', async () => {
    const entries = await readdir(join(root, 'sample'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(projects.sort()).toEqual(folders.sort());
  });

  it('are built by nest-cli against the built package', async () => {
    for (const project of projects) {
      await node(root, 'node_modules/@nestjs/cli/bin/nest.js', 'build', project);
      expect(existsSync(join(root, 'sample', project, 'dist/main.js'))).toBe(true);
    }
  });

  it('start with `npm start`, on PORT, and end with it', async () => {
    const port = await freePort();
    const started = spawn(process.execPath, ['tools/start.js'], {
      cwd: root,
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => started.once('close', resolve));
    try {
      const answer = await new Promise<Response>((resolve, reject) => {
        let printed = '';
        const look = (text: Buffer): void => {
          printed += text.toString();
          // What is printed before it listens leads to a refused connection.
          fetch(`http://127.0.0.1:${port}/`).then(resolve, () => undefined);
        };
        started.stdout.on('data', look);
        started.stderr.on('data', look);
        void ended.then(() => reject(new Error(`It ended by itself.\n${printed}`)));
      });
      expect(answer.status).toBeLessThan(500);
    } finally {
      started.kill('SIGTERM');
    }
    await ended;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
