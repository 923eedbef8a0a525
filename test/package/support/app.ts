import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '../../..');
const fixtures = join(import.meta.dirname, '../fixtures');
const QUIETLY = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

export interface PackedFile {
  path: string;
}

/** Runs a program to its end and gives what it printed; a failure carries all of it. */
export function run(cwd: string, file: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // The environment of the test, which is not that of its process.
    execFile(file, args, { cwd, env: process.env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else reject(new Error(`${file} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

export const node = (cwd: string, ...args: string[]): Promise<string> => run(cwd, process.execPath, ...args);

function npm(cwd: string, ...args: string[]): Promise<string> {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? node(cwd, script, ...args) : run(cwd, 'npm', ...args);
}

/** Packs the built package as it would be published. */
export async function pack(folder: string): Promise<PackedFile[]> {
  const printed = await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder);
  const packed = JSON.parse(printed) as { filename: string; files: PackedFile[] }[];
  const [only] = packed;
  if (!only) throw new Error(`npm pack made nothing: ${printed}`);
  await cp(join(folder, only.filename), join(folder, 'nestjs-token-session.tgz'));
  return only.files;
}

/** An application of a user: a fixture, copied out of the repository, with the tarball installed. */
export class InstalledApp {
  private readonly started = new Set<ChildProcess>();

  private constructor(
    readonly folder: string,
    private readonly outermost = folder,
  ) {}

  /** @param nest installs exactly this version of Nest's own packages, which Terminus does not share */
  static async install(fixture: string, nest?: string): Promise<InstalledApp> {
    const folder = await mkdtemp(join(tmpdir(), `${fixture}-`));
    const app = new InstalledApp(folder);
    await cp(join(fixtures, 'shared'), folder, { recursive: true });
    await cp(join(fixtures, fixture), folder, { recursive: true });
    if (nest) await pinNest(join(folder, 'package.json'), nest);
    await pack(folder);
    await npm(folder, 'install', ...QUIETLY);
    return app;
  }

  /** What `nest new` makes with this major version of Nest's command line, with the tarball installed. */
  static async fresh(major: number): Promise<InstalledApp> {
    const folder = await mkdtemp(join(tmpdir(), `fresh-nest${major}-`));
    const cli = join(folder, 'cli');
    await mkdir(cli);
    // Else npm takes a folder further up, if there is a package.json or a node_modules.
    await writeFile(join(cli, 'package.json'), '{}');
    await npm(cli, 'install', ...QUIETLY, `@nestjs/cli@${major}`);
    const nest = join(cli, 'node_modules/@nestjs/cli/bin/nest.js');
    await node(folder, nest, 'new', 'app', '--skip-git', '--skip-install', '--package-manager', 'npm');
    const app = new InstalledApp(join(folder, 'app'), folder);
    await pack(folder);
    await npm(app.folder, 'install', ...QUIETLY, join(folder, 'nestjs-token-session.tgz'));
    return app;
  }

  node(...args: string[]): Promise<string> {
    return node(this.folder, ...args);
  }

  npm(...args: string[]): Promise<string> {
    return npm(this.folder, ...args);
  }

  /** Runs the command of a dependency. */
  async command(dependency: string, command: string, ...args: string[]): Promise<string> {
    const folder = join(this.folder, 'node_modules', dependency);
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const { bin } = JSON.parse(text) as { bin: string | Record<string, string> };
    const file = typeof bin === 'string' ? bin : bin[command];
    if (!file) throw new Error(`${dependency} has no command ${command}`);
    return this.node(join(folder, file), ...args);
  }

  /** What a type check with `skipLibCheck: false` says about our own declarations. */
  async declarationFaults(project: string): Promise<string[]> {
    const check = ['-p', project, '--noEmit', '--pretty', 'false', '--skipLibCheck', 'false'];
    const printed = await this.command('typescript', 'tsc', ...check).catch(String);
    return printed.split('\n').filter((line) => line.includes('node_modules/nestjs-token-session/'));
  }

  /** Starts a compiled main file, which prints its address once it listens. */
  start(main: string, adapter: string, env: Record<string, string> = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [main], {
        cwd: this.folder,
        env: { ...process.env, ADAPTER: adapter, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      this.started.add(child);
      let printed = '';
      const note = (line: string): void => {
        printed += `${line}\n`;
        if (line.startsWith('http://')) resolve(line);
      };
      createInterface(child.stdout).on('line', note);
      createInterface(child.stderr).on('line', note);
      child.once('error', reject);
      child.once('close', (code) => {
        this.started.delete(child);
        reject(new Error(`${main} on ${adapter} ended with ${String(code)}\n${printed}`));
      });
    });
  }

  /** Ends every started process and gives their exit codes. */
  stop(): Promise<(number | null)[]> {
    return Promise.all(
      [...this.started].map(
        (child) =>
          new Promise<number | null>((resolve) => {
            child.once('close', resolve);
            child.kill('SIGTERM');
          }),
      ),
    );
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.outermost, { recursive: true, force: true });
  }
}

async function pinNest(manifest: string, version: string): Promise<void> {
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replace(/("@nestjs\/(?!terminus")[\w-]+": )"[^"]+"/g, `$1"${version}"`));
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'nestjs-token-session-'));
}
