import { BACKENDS } from './backends.js';
import { hasSessions } from './contenders.js';
import { Helper, placeOn } from './processes.js';
import { SIZE } from './session-data.js';
import { checkSessions, checkTokens, checkTurns, createSessions } from './verify.js';
import { isTurn } from './workloads.js';

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

  /** Starts a contender; `flags` are those of its Node. */
  async start(contender) {
    this.#client ??= await this.#run('load/main.js', [], this.#cores?.client);
    const { name, backend, flags } = contender;
    if (backend !== undefined) {
      this.#backends[backend] ??= await this.#run(BACKENDS[backend].file, [], this.#backendCore);
    }
    const backendPort = await this.backendOf(contender)?.ask('open', name);
    const helper = await this.#run('server/main.js', [name, backendPort ?? ''], this.#cores?.server, flags);
    return { contender, helper, port: await helper.ask('port'), sessions: [], size: SIZE, writes: 0 };
  }

  /** Stores the sessions of a contender, one for each connection, with so many bytes of data. */
  async fill(server, { connections = this.#connections, size = SIZE } = {}) {
    Object.assign(server, { size, writes: 0 });
    server.sessions = await createSessions(this.#client, server, connections);
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
    const connections = sessions.length;
    const lead = Math.ceil((requests * LEAD) / connections) * connections;
    const hasTokens = hasSessions(contender);
    await client.ask('open', { port, workload, sessions, hasTokens, warmUp: lead, requests });
    const backendBefore = await backend?.ask('cpu', contender.name);
    const before = await helper.ask('cpu');
    const { seconds, tokens, p50, p99 } = await client.ask('run', requests);
    const after = await helper.ask('cpu');
    const backendAfter = await backend?.ask('cpu', contender.name);
    if (isTurn(workload)) await checkTurns(client, server, workload, await client.ask('turns'));
    const counts = await client.ask('close');
    counts.forEach((count, index) => (sessions[index].count = count));
    if (workload.name === 'write') server.writes += (lead + requests) / connections;
    // Those that come and go have been looked at; the others may have ended by then, where reading prolongs nothing.
    if (!isTurn(workload)) await checkSessions(client, server);
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
