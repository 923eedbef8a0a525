import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * The processor cores that servers and client are kept on; undefined where that can't be done.
 *
 * One core for both is the default: server and client take turns, neither waits for the other to
 * wake up, and whatever else the machine does goes to the other cores. On a machine of two cores
 * under a load of 4 to 9, repeated runs of bare Nest then gave 30.6 to 31.2 µs a request; a core
 * for each gave anything from 27 to 45, the scheduler's own choice now 26 and now 32.
 *
 * @param {boolean} apart a core for each: right on a machine that does nothing else
 * @returns {{ server: number, client: number, other: number } | undefined} other is not the server's, if there are two
 */
export function placeOn(apart) {
  const last = availableParallelism() - 1;
  const client = apart ? last - 1 : last;
  const works = client >= 0 && spawnSync('taskset', ['-c', `${client},${last}`, 'true']).status === 0;
  return works ? { server: last, client, other: Math.max(0, last - 1) } : undefined;
}

/** A process that answers questions. */
export class Helper {
  #child;
  #stderr = '';
  #name;

  /**
   * @param {string} file relative to this folder
   * @param {string[]} args
   * @param {number | undefined} core
   * @param {readonly string[]} [flags] of Node
   */
  constructor(file, args, core, flags = []) {
    this.#name = [file, ...args].join(' ');
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = fork(path, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // JSON would make undefined null.
      serialization: 'advanced',
      // Expected in production; express-session then warns of its memory store, which is known here.
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: flags,
      ...(core === undefined
        ? {}
        : { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...flags] }),
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr += text));
  }

  /** Resolves when the process is ready for questions. */
  async ready() {
    await this.#answer();
    return this;
  }

  /** Asks for what the process offers under this name. */
  ask(name, argument) {
    const answer = this.#answer();
    this.#child.send({ name, argument });
    return answer;
  }

  stop() {
    this.#child.kill();
  }

  async #answer() {
    const settled = new AbortController();
    const { signal } = settled;
    try {
      const [message] = await Promise.race([
        once(this.#child, 'message', { signal }),
        once(this.#child, 'close', { signal }).then(([code, killed]) => {
          throw new Error(`${this.#name} ended (${code ?? killed}):\n${this.#stderr}`);
        }),
      ]);
      if (message.error !== undefined) throw new Error(`${this.#name}: ${message.error}`);
      return message.value;
    } finally {
      settled.abort();
    }
  }
}

/** The other side: answers the parent's questions with these functions, until the parent is gone. */
export function answerParent(functions) {
  process.on('message', async ({ name, argument }) => {
    try {
      process.send({ value: await functions[name](argument) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
  process.send({ value: 'ready' });
}
