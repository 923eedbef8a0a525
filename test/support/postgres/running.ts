import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { until } from '../redis/until.js';

interface Stoppable {
  stop(): Promise<void>;
}

/** What `stopServers` ends. */
export const running = new Set<Stoppable>();

/** Ends all servers, standbys and bouncers that still run: `afterAll(stopServers)`. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((each) => each.stop()));
}

/**
 * The processes of a server: postmaster, backends and helpers all work in its data folder. Those that a killed
 * postmaster left behind do as well, and they have no parent any more by which to find them.
 */
export function processesIn(data: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && workingIn(name) === data)
    .map(Number);
}

/** SIGKILL for all of them, until none is left: one that was being forked would keep port and shared memory. */
export async function killAll(data: string): Promise<void> {
  await until(`no process in ${data}`, () => {
    const left = processesIn(data);
    for (const pid of left) signal(pid, 'SIGKILL');
    return left.length === 0;
  });
}

/** SIGSTOP for all of them, the postmaster first: it forks none in the meantime. */
export async function stopAll(postmaster: number, data: string): Promise<void> {
  signal(postmaster, 'SIGSTOP');
  await until(`silence in ${data}`, () => {
    const moving = processesIn(data).filter((pid) => stateOf(pid) !== 'T');
    for (const pid of moving) signal(pid, 'SIGSTOP');
    return moving.length === 0;
  });
}

export function continueAll(data: string): void {
  for (const pid of processesIn(data)) signal(pid, 'SIGCONT');
}

/**
 * Ends the server when our end of the pipe closes, as it does however this process ends, SIGKILL too: `script` is run by
 * a shell, with `args` as $0, $1 and so on.
 */
export function guardOf(script: string, ...args: string[]): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', `read -r _; ${script}`, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}

function workingIn(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It is gone, or another user's.
    return undefined;
  }
}

function stateOf(pid: number): string | undefined {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
  } catch {
    return 'T';
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
