import { quantile } from '../statistics.js';
import { workloadNamed } from '../workloads.js';
import { Connection, requestText, tokenOf } from './connection.js';

/** Requests after which there is another session than before: each uses up the token of one, gives one, or both. */
export class Turns {
  #workload;
  #hasTokens;
  #lanes;

  constructor(workload, hasTokens, lanes) {
    this.#workload = workload;
    this.#hasTokens = hasTokens;
    this.#lanes = lanes;
  }

  /**
   * Opens the connections, and makes the sessions that the requests are going to use up.
   *
   * @param {number} port
   * @param {import('../workloads.js').TurnWorkload} workload
   * @param {{ connections: number, each: number, hasTokens: boolean }} options `each`: how many requests there will be
   *   on a connection; `hasTokens`: whether the contender has sessions
   */
  static async open(port, workload, { connections, each, hasTokens }) {
    const opened = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
    const lanes = opened.map((connection) => ({ connection, tokens: [], used: 0, given: [] }));
    const turns = new Turns(workload, hasTokens, lanes);
    for (const name of workload.before) {
      await turns.#pass(workloadNamed(name), each);
      turns.#turnOver();
    }
    return turns;
  }

  /** Sends so many requests in all, evenly over the connections, on each one after the other. */
  async run(requests) {
    const start = performance.now();
    const times = await this.#pass(this.#workload, requests / this.#lanes.length);
    const seconds = (performance.now() - start) / 1e3;
    const sorted = Float64Array.from(times.flat()).sort();
    return {
      seconds,
      // Each answer was looked at.
      tokens: this.#workload.gives && this.#hasTokens ? requests : 0,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
    };
  }

  /** What the last request on each connection has used up, and what its answer gave. */
  some() {
    return this.#lanes.map(({ tokens, used, given }) => ({ used: tokens[used - 1], given: given.at(-1) }));
  }

  /** Ends the sessions that are left, so that no store has to keep ever more of them. */
  async close() {
    const given = this.#lanes.flatMap((lane) => lane.given);
    if (this.#hasTokens && new Set(given).size < given.length) throw new Error('a token was given twice');
    for (const name of this.#workload.after) {
      this.#turnOver();
      await this.#pass(workloadNamed(name), this.#lanes[0].tokens.length);
    }
    for (const { connection } of this.#lanes) connection.close();
    return [];
  }

  /** Sends so many requests on each connection; gives the ms that each took, by connection. */
  #pass(workload, each) {
    return Promise.all(this.#lanes.map((lane) => this.#runLane(lane, workload, each)));
  }

  /** What was given is there to be used up next. */
  #turnOver() {
    for (const lane of this.#lanes) Object.assign(lane, { tokens: lane.given, used: 0, given: [] });
  }

  async #runLane(lane, workload, requests) {
    const times = [];
    let before = performance.now();
    for (let sent = 0; sent < requests; sent++) {
      const token = workload.token ? lane.tokens[lane.used++] : undefined;
      const answer = await lane.connection.send(requestText(workload, token));
      const now = performance.now();
      times.push(now - before);
      before = now;
      const given = tokenOf(answer.head);
      this.#check(workload, answer, token, given);
      if (workload.gives) lane.given.push(given);
    }
    return times;
  }

  /** Every answer is looked at: a contender that fails is fast. Bare Nest gets the same requests, without tokens. */
  #check(workload, { status, body }, used, given) {
    const isToldRight = (used !== undefined) === (workload.token && this.#hasTokens);
    const isGivenRight = (given !== undefined) === (workload.gives && this.#hasTokens);
    if (status === workload.status && body === '{"ok":true}' && isToldRight && isGivenRight) return;
    throw new Error(`${workload.path} answered ${status} ${body}, token ${used}, then ${given}`);
  }
}
