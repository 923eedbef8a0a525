import { readFileSync } from 'node:fs';

/** What the processes took that serve connections, by database. Needs Linux. */
export class BackendCpu {
  #client;
  #last = new Map();
  #sums = new Map();

  /** @param client of the server; stays the caller's */
  constructor(client) {
    this.#client = client;
  }

  /**
   * µs since the first look. A connection that was closed meanwhile counts up to the last look at it.
   *
   * @param {string} database
   */
  async of(database) {
    const { rows } = await this.#client.query(
      "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
      [database],
    );
    for (const { pid } of rows) {
      const taken = microsOf(pid);
      if (taken === undefined) continue;
      this.#sums.set(database, (this.#sums.get(database) ?? 0) + taken - (this.#last.get(pid) ?? 0));
      this.#last.set(pid, taken);
    }
    return this.#sums.get(database) ?? 0;
  }
}

/** Of schedstat, which counts in ns; stat has hundredths of a second. */
function microsOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  }
}
