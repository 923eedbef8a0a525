import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Peer, PeerSetup } from './peer.js';

/** A message to a process, and its answer; `call` 0 says that it is ready. */
export interface Call {
  readonly call: number;
  readonly name: keyof Peer;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly call: number;
  readonly value?: unknown;
  readonly failure?: string;
}

/** What a process does, called from another one. A failure rejects with an error whose `code` is its code. */
export type RemotePeer = {
  readonly [K in keyof Peer]: (...args: Parameters<Peer[K]>) => Promise<Awaited<ReturnType<Peer[K]>>>;
};

export interface PeerProcess {
  readonly peer: RemotePeer;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

const LOADER = new URL('../redis/typescript-loader.js', import.meta.url).href;
const REGISTER = `data:text/javascript,import{register}from'node:module';register('${LOADER}')`;

const running = new Set<PeerProcess>();

/** Starts a process; ends with `stopPeers` or with this one. */
export async function startPeer(setup: PeerSetup, env: NodeJS.ProcessEnv = {}): Promise<PeerProcess> {
  const child = fork(new URL('peer.main.ts', import.meta.url), [JSON.stringify(setup)], {
    execArgv: ['--import', REGISTER],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  const call = caller(child);
  const ended = once(child, 'exit');
  const started: PeerProcess = {
    // As long as a proxy had a `then`, it could not be awaited.
    peer: new Proxy({} as RemotePeer, {
      get: (_, name) => (name === 'then' ? undefined : (...args: unknown[]) => call(name as keyof Peer, args)),
    }),
    kill: async () => {
      running.delete(started);
      child.kill('SIGKILL');
      await ended;
    },
  };
  running.add(started);
  await call();
  return started;
}

/** Ends all processes: `afterEach(stopPeers)`. */
export async function stopPeers(): Promise<void> {
  await Promise.all([...running].map((each) => each.kill()));
}

/** Sends calls to a process, and finds the caller of each answer; without a name it waits for the process itself. */
function caller(child: ChildProcess): (name?: keyof Peer, args?: readonly unknown[]) => Promise<unknown> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`The process ended: ${String(code ?? signal)}`));
  });
  child.on('message', ({ call, value, failure }: Answer) => {
    const one = waiting.get(call);
    waiting.delete(call);
    if (failure === undefined) one?.resolve(value);
    else one?.reject(Object.assign(new Error(failure), { code: failure }));
  });
  return (name, args = []) =>
    new Promise((resolve, reject) => {
      const call = calls++;
      waiting.set(call, { resolve, reject });
      if (name !== undefined) child.send({ call, name, args } satisfies Call);
    });
}
