import { Bench } from '../bench.js';
import { hasSessions } from '../contenders.js';
import { Helper, placeOn } from '../processes.js';
import { FIRST_COUNT } from '../session-data.js';
import { checkSessions, checkTokens } from '../verify.js';

/** How much of a slice comes before it, unmeasured. */
const LEAD = 0.1;

/** A bench whose requests have tokens that no session has. The sessions that there are have to stay. */
export class FloodBench extends Bench {
  #apart;
  #connections;
  #flooder;

  /** Those that were started. */
  servers = [];

  constructor(options) {
    super(options);
    this.#apart = options.apart;
    this.#connections = options.connections;
  }

  async start(contender) {
    const server = await super.start(contender);
    this.#flooder ??= await new Helper('unknown/client.js', [], placeOn(this.#apart)?.client).ready();
    this.servers.push(server);
    return server;
  }

  /** What requests cost a server; see `Bench.slice`. */
  async slice(server, workload, requests) {
    const { before, after, seconds, ...told } = await this.flood(server, workload, requests, 'cpu');
    return {
      ...told,
      cpu: (after.user + after.system - before.user - before.system) / requests,
      perSecond: requests / seconds,
      tokens: told.tokens / requests,
    };
  }

  /**
   * Sends requests of one workload, and asks the server for something before and after them; an error when anything in
   * them is not as it should be.
   */
  async flood(server, workload, requests, question) {
    const { contender, helper, port } = server;
    const { kind } = contender;
    const connections = this.#connections;
    const client = this.#flooder;
    const lead = Math.ceil((requests * LEAD) / connections) * connections;
    await client.ask('open', { port, connections, workload, kind, answer: answerOf(contender, workload) });
    await client.ask('make', lead + requests);
    await client.ask('run', lead);
    const before = await helper.ask(question);
    const told = await client.ask('run', requests);
    // Before the connections are closed, so that as many are open as there were.
    const after = await helper.ask(question);
    await client.ask('close');
    checkTokens(server, workload, told.tokens);
    await checkSessions(this.client, server);
    return { ...told, before, after };
  }

  stop() {
    this.#flooder?.stop();
    super.stop();
  }
}

/** There is no session, so there is nothing in it. */
function answerOf(contender, { path }) {
  if (path === '/plain') return '{"ok":true}';
  return hasSessions(contender) ? '{}' : `{"count":${FIRST_COUNT}}`;
}
