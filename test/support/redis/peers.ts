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
export type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

export type RemotePeer = Remote<Peer>;

const HERE = new URL('./', import.meta.url);
const LOADER = `data:text/javascript,import{register}from'node:module';register('${new URL('typescript-loader.js', HERE).href}')`;

const running = new Set<ChildProcess>();

/** Starts a process; ends with `stopPeers` or with this one. */
export async function startPeer(setup: PeerSetup, nodeOptions: readonly string[] = []): Promise<RemotePeer> {
  const child = fork(new URL('peer.main.ts', HERE), [JSON.stringify(setup)], {
    execArgv: [...nodeOptions, '--import', LOADER],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  running.add(child);
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  child.once('exit', (code, signal) => {
    running.delete(child);
    for (const { reject } of waiting.values()) reject(new Error(`The process ended: ${String(code ?? signal)}`));
  });
  child.on('message', ({ call, value, failure }: Answer) => {
    const caller = waiting.get(call);
    waiting.delete(call);
    if (failure === undefined) caller?.resolve(value);
    else caller?.reject(Object.assign(new Error(failure), { code: failure }));
  });
  let calls = 0;
  const answerTo = (call: number): Promise<unknown> =>
    new Promise((resolve, reject) => void waiting.set(call, { resolve, reject }));
  await answerTo(calls);
  const call = (name: keyof Peer, args: readonly unknown[]): Promise<unknown> => {
    const answer = answerTo(++calls);
    child.send({ call: calls, name, args } satisfies Call);
    return answer;
  };
  // As long as a proxy had a `then`, it could not be awaited.
  return new Proxy({} as RemotePeer, {
    get: (_, name) => (name === 'then' ? undefined : (...args: unknown[]) => call(name as keyof Peer, args)),
  });
}

/** One process for each setup. */
export function startPeers(setups: readonly PeerSetup[]): Promise<RemotePeer[]> {
  return Promise.all(setups.map((setup) => startPeer(setup)));
}

/** Ends all processes: `afterAll(stopPeers)`. */
export async function stopPeers(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }),
  );
}
