import { Helper, placeOn } from './processes.js';
import { checkSessions, checkTokens, createSessions } from './verify.js';

/** How much of a slice comes before it, unmeasured: fills the processor's caches again. */
const LEAD = 0.1;

/** The processes of a run: one client and any number of servers. */
export class Bench {
  #helpers = [];
  #cores;
  #connections;
  #client;

  /** @param {{ apart: boolean, connections: number }} options */
  constructor({ apart, connections }) {
    this.#cores = placeOn(apart);
    this.#connections = connections;
  }

  /** Whether the processes are kept on chosen cores. */
  get isPinned() {
    return this.#cores !== undefined;
  }

  /** Starts a contender and stores its sessions. */
  async start(contender) {
    this.#client ??= await this.#run('load/main.js', [], this.#cores?.client);
    const helper = await this.#run('server/main.js', [contender.name], this.#cores?.server);
    const server = { contender, helper, port: await helper.ask('port'), writes: 0 };
    return { ...server, sessions: await createSessions(this.#client, server, this.#connections) };
  }

  /**
   * What requests of one workload cost a server; an error when anything in them is not as it should be.
   *
   * @returns {Promise<{ cpu: number, perSecond: number, tokens: number }>} µs of the server's CPU
   *   time for a request, in user and system mode; requests per second; share of answers with a token
   */
  async slice(server, workload, requests) {
    const { helper, port, sessions } = server;
    const client = this.#client;
    const lead = Math.ceil((requests * LEAD) / this.#connections) * this.#connections;
    await client.ask('open', { port, workload, sessions, warmUp: lead });
    const before = await helper.ask('cpu');
    const { seconds, tokens } = await client.ask('run', requests);
    const after = await helper.ask('cpu');
    const counts = await client.ask('close');
    counts.forEach((count, index) => (sessions[index].count = count));
    if (workload.name === 'write') server.writes += (lead + requests) / this.#connections;
    await checkSessions(client, server);
    checkTokens(server, workload, tokens);
    return {
      cpu: (after.user + after.system - before.user - before.system) / requests,
      perSecond: requests / seconds,
      tokens: tokens / requests,
    };
  }

  stop() {
    for (const helper of this.#helpers) helper.stop();
  }

  #run(...args) {
    const helper = new Helper(...args);
    this.#helpers.push(helper);
    return helper.ready();
  }
}
