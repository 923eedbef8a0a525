import { Helper, placeOn } from './processes.js';
import { checkSessions, checkTokens, createSessions } from './verify.js';

/** How much of a slice comes before it, unmeasured: fills the processor's caches again. */
const LEAD = 0.1;

/** The processes of a run: one client, any number of servers, and a Redis for those that need one. */
export class Bench {
  #helpers = [];
  #cores;
  #connections;
  #client;
  #redis;

  /** @param {{ apart: boolean, connections: number }} options */
  constructor({ apart, connections }) {
    this.#cores = placeOn(apart);
    this.#connections = connections;
  }

  /** Whether the processes are kept on chosen cores. */
  get isPinned() {
    return this.#cores !== undefined;
  }

  get client() {
    return this.#client;
  }

  /** The process of redis/main.js; undefined before a contender needed it. */
  get redis() {
    return this.#redis;
  }

  /** Starts a contender. */
  async start(contender) {
    this.#client ??= await this.#run('load/main.js', [], this.#cores?.client);
    if (contender.redis) this.#redis ??= await this.#run('redis/main.js', [], this.#cores?.client);
    const redisPort = contender.redis ? [await this.#redis.ask('port')] : [];
    const helper = await this.#run('server/main.js', [contender.name, ...redisPort], this.#cores?.server);
    return { contender, helper, port: await helper.ask('port'), sessions: [], writes: 0 };
  }

  /** Stores the sessions of a contender, one for each connection. */
  async fill(server) {
    server.sessions = await createSessions(this.#client, server, this.#connections);
  }

  /**
   * What requests of one workload cost a server; an error when anything in them is not as it should be.
   *
   * @returns {Promise<{ cpu: number, perSecond: number, tokens: number, p50: number, p99: number, redisCpu?: number }>}
   *   µs of the server's CPU time for a request, in user and system mode; requests per second; share of
   *   answers with a token; ms in which half and 99% of the answers came; µs of the CPU time of Redis
   */
  async slice(server, workload, requests) {
    const { contender, helper, port, sessions } = server;
    const client = this.#client;
    const redis = contender.redis ? this.#redis : undefined;
    const lead = Math.ceil((requests * LEAD) / this.#connections) * this.#connections;
    await client.ask('open', { port, workload, sessions, warmUp: lead });
    const redisBefore = await redis?.ask('cpu');
    const before = await helper.ask('cpu');
    const { seconds, tokens, p50, p99 } = await client.ask('run', requests);
    const after = await helper.ask('cpu');
    const redisAfter = await redis?.ask('cpu');
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
      ...(redis === undefined ? {} : { redisCpu: (redisAfter - redisBefore) / requests }),
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
