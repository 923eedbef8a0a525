import { BACKENDS } from './backends.js';
import { Helper, placeOn } from './processes.js';
import { checkSessions, checkTokens, createSessions } from './verify.js';

/** How much of a slice comes before it, unmeasured: fills the processor's caches again. */
const LEAD = 0.1;

/** The processes of a run: one client, any number of servers, and the backends that those need. */
export class Bench {
  #helpers = [];
  #cores;
  #backendCore;
  #connections;
  #client;
  #backends = {};

  /**
   * @param {{ apart: boolean, backendApart?: boolean, connections: number }} options a core of its own for the client,
   *   and for the backend
   */
  constructor({ apart, backendApart = false, connections }) {
    this.#cores = placeOn(apart);
    this.#backendCore = backendApart ? this.#cores?.other : this.#cores?.client;
    this.#connections = connections;
  }

  /** Whether the processes are kept on chosen cores. */
  get isPinned() {
    return this.#cores !== undefined;
  }

  get client() {
    return this.#client;
  }

  /** The process of a contender's backend, for one that was started. */
  backendOf({ backend }) {
    return this.#backends[backend];
  }

  /** Starts a contender. */
  async start(contender) {
    this.#client ??= await this.#run('load/main.js', [], this.#cores?.client);
    const { name, backend } = contender;
    if (backend !== undefined) {
      this.#backends[backend] ??= await this.#run(BACKENDS[backend].file, [], this.#backendCore);
    }
    const backendPort = await this.backendOf(contender)?.ask('open', name);
    const helper = await this.#run('server/main.js', [name, backendPort ?? ''], this.#cores?.server);
    return { contender, helper, port: await helper.ask('port'), sessions: [], writes: 0 };
  }

  /** Stores the sessions of a contender, one for each connection. */
  async fill(server) {
    server.sessions = await createSessions(this.#client, server, this.#connections);
  }

  /**
   * What requests of one workload cost a server; an error when anything in them is not as it should be.
   *
   * @returns {Promise<{ cpu: number, perSecond: number, tokens: number, p50: number, p99: number, backendCpu?: number }>}
   *   µs of the server's CPU time for a request, in user and system mode; requests per second; share of
   *   answers with a token; ms in which half and 99% of the answers came; µs of the backend's CPU time
   */
  async slice(server, workload, requests) {
    const { contender, helper, port, sessions } = server;
    const client = this.#client;
    const backend = this.backendOf(contender);
    const lead = Math.ceil((requests * LEAD) / this.#connections) * this.#connections;
    await client.ask('open', { port, workload, sessions, warmUp: lead });
    const backendBefore = await backend?.ask('cpu', contender.name);
    const before = await helper.ask('cpu');
    const { seconds, tokens, p50, p99 } = await client.ask('run', requests);
    const after = await helper.ask('cpu');
    const backendAfter = await backend?.ask('cpu', contender.name);
    const counts = await client.ask('close');
    counts.forEach((count, index) => (sessions[index].count = count));
    if (workload.name === 'write') server.writes += (lead + requests) / this.#connections;
    await checkSessions(client, server);
    checkTokens(server, workload, tokens);
    return {
      cpu: (after.user + after.system - before.user - before.system) / requests,
      perSecond: requests / seconds,
      tokens: tokens / requests,
      p50,
      p99,
      ...(backend === undefined ? {} : { backendCpu: (backendAfter - backendBefore) / requests }),
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
