import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** How a program is run that refuses to be root: as the user `postgres`; as ourselves when we are not root. */
const user = process.getuid?.() === 0 ? userOf('postgres') : undefined;

/** A program of the newest PostgreSQL that is installed. */
export function program(name: string): string {
  return join(newest(), 'bin', name);
}

/** Runs a program to its end; resolves with what it printed. */
export async function run(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { ...user, cwd: '/' });
  return stdout;
}

/** Starts a program that writes to a log file, and does not keep us alive. */
export async function launch(file: string, args: readonly string[], logFile: string): Promise<ChildProcess> {
  const log = await open(logFile, 'a');
  try {
    const child = spawn(file, args, { ...user, cwd: '/', stdio: ['ignore', log.fd, log.fd] });
    child.unref();
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return child;
  } finally {
    await log.close();
  }
}

/** Makes a folder that the programs may write to. */
export async function folder(given?: string): Promise<string> {
  const dir = given ?? (await mkdtemp(join(tmpdir(), 'postgres-')));
  if (given !== undefined) await mkdir(dir, { recursive: true });
  if (user !== undefined) await chown(dir, user.uid, user.gid);
  return dir;
}

/**
 * Makes a cluster's data: a copy of one that initdb made once and that stays in the folder for temporary files, because
 * initdb takes a second or more.
 */
export async function makeData(data: string): Promise<void> {
  const version = (await run(program('postgres'), '--version')).trim().replaceAll(/[^\w.]+/g, '-');
  const template = join(tmpdir(), `template-${version}-${process.getuid?.() ?? ''}`);
  if (!existsSync(template)) await makeTemplate(template);
  await run('/bin/cp', '-a', '--reflink=auto', join(template, 'data'), data);
}

async function makeTemplate(template: string): Promise<void> {
  const own = await folder();
  const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'];
  await run(program('initdb'), ...options, `--pgdata=${join(own, 'data')}`);
  try {
    // In one step: another process sees all of it or nothing.
    await rename(own, template);
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    if (!existsSync(template)) throw error;
  }
}

function newest(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root) : [];
  const [version] = versions
    .filter((each) => existsSync(join(root, each, 'bin/postgres')))
    .sort((a, b) => Number(b) - Number(a));
  if (version === undefined) throw new Error(`No PostgreSQL server in ${root}: apt-get install postgresql`);
  return join(root, version);
}

function userOf(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
