/** Sees each command that a server runs, and says which of them one client has sent. */
export class Monitor {
  #client;
  #watcher;
  #lines = [];
  #mark;
  #marked;

  /** @param client of the server; stays the caller's */
  constructor(client) {
    this.#client = client;
  }

  async start() {
    this.#watcher = this.#client.duplicate();
    this.#watcher.on('error', () => {});
    await this.#watcher.connect();
    await this.#watcher.monitor((line) => this.#take(String(line)));
  }

  /**
   * Ends it and gives how often the connections of this name sent which command. What a script calls
   * comes from no connection, so it does not count.
   *
   * @returns {Promise<Record<string, number>>}
   */
  async stop(name) {
    const clients = await this.#client.clientList();
    const addresses = new Set(clients.filter((client) => client.name === name).map(({ addr }) => addr));
    await this.#allSeen(`the end of ${name}`);
    this.#watcher.destroy();
    const counts = {};
    for (const line of this.#lines) {
      const [, address, command] = /^\S+ \[\d+ (\S+)\] "(\w+)"/.exec(line) ?? [];
      if (!addresses.has(address)) continue;
      const word = command.toUpperCase();
      counts[word] = (counts[word] ?? 0) + 1;
    }
    return counts;
  }

  /** Resolves when everything has been seen that was sent before. */
  async #allSeen(mark) {
    this.#mark = mark;
    const marked = new Promise((resolve) => (this.#marked = resolve));
    await this.#client.echo(mark);
    await marked;
  }

  #take(line) {
    this.#lines.push(line);
    if (this.#mark !== undefined && line.includes(this.#mark)) this.#marked();
  }
}
