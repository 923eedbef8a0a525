import { randomUUID } from 'node:crypto';
import { Wire } from './wire.js';

/** What connections, drivers and servers say among themselves. */
const HOUSEKEEPING = new Set([
  'PING',
  'CLIENT',
  'HELLO',
  'INFO',
  'AUTH',
  'SELECT',
  'COMMAND',
  'READONLY',
  'CLUSTER',
  'ROLE',
  'REPLCONF',
]);

type Watched = { readonly port: number };

/**
 * The names of the commands that clients sent while `act` ran, in the order in which the server carried them out:
 * `['GET', 'EVALSHA']`. Not those that scripts call, nor those that a server only redirects. Of several servers: one
 * after the other.
 */
export async function countCommands(servers: Watched | readonly Watched[], act: () => unknown): Promise<string[]> {
  return (await commandsDuring(servers, act)).map(([name]) => name as string);
}

/** As `countCommands`, each command with its arguments. */
export async function commandsDuring(servers: Watched | readonly Watched[], act: () => unknown): Promise<string[][]> {
  const monitors = await Promise.all([servers].flat().map(({ port }) => Monitor.start(port)));
  try {
    await act();
    return (await Promise.all(monitors.map((monitor) => monitor.finish()))).flat();
  } finally {
    for (const monitor of monitors) monitor.close();
  }
}

/** Exact, because the server reports a mark before and one after all that happened in between. */
class Monitor {
  readonly #mark = randomUUID();
  readonly #commands: string[][] = [];
  #marks = 0;
  #finished: () => void = () => undefined;
  #lost: (error: Error) => void = () => undefined;

  private constructor(
    readonly monitor: Wire,
    readonly marker: Wire,
  ) {
    monitor.onPush = (line) => this.#take(String(line));
    monitor.onEnd = (error) => this.#lost(error);
  }

  static async start(port: number): Promise<Monitor> {
    const monitor = new Monitor(await Wire.open(port), await Wire.open(port));
    await monitor.monitor.call('MONITOR');
    await monitor.marker.call('ECHO', monitor.#mark);
    return monitor;
  }

  async finish(): Promise<string[][]> {
    const finished = new Promise<void>((resolve, reject) => {
      this.#finished = resolve;
      this.#lost = reject;
    });
    await Promise.all([finished, this.marker.call('ECHO', this.#mark)]);
    return this.#commands;
  }

  close(): void {
    this.monitor.close();
    this.marker.close();
  }

  #take(line: string): void {
    // 1700000000.000000 [0 127.0.0.1:50000] "GET" "a"; a script's commands have [0 lua].
    const [, source = '', command = ''] = /^\S+ \[\d+ (.*?)\] (.*)$/.exec(line) ?? [];
    const [name = '', ...words] = [...command.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word as string);
    if (words[0] === this.#mark) {
      this.#marks++;
      if (this.#marks === 2) this.#finished();
      return;
    }
    const upper = name.toUpperCase();
    const sentinels = upper === 'PUBLISH' && words[0] === '__sentinel__:hello';
    if (this.#marks !== 1 || source === 'lua' || HOUSEKEEPING.has(upper) || sentinels) return;
    this.#commands.push([upper, ...words]);
  }
}
