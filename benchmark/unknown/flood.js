import { Connection, requestText, tokenOf } from '../load/connection.js';
import { overLanes } from '../load/lanes.js';
import { newTokenLine } from './tokens.js';

/** Requests of one workload to one server, each with a token that no session has. */
export class Flood {
  #lanes;
  #workload;
  #kind;
  #answer;
  #made = [];

  constructor(lanes, { workload, kind, answer }) {
    this.#lanes = lanes;
    this.#workload = workload;
    this.#kind = kind;
    this.#answer = answer;
  }

  /** @param {{ port: number, connections: number, workload: object, kind: string, answer: string }} options */
  static async open({ port, connections, ...options }) {
    const lanes = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
    return new Flood(lanes, options);
  }

  /** Makes the requests that `run` sends, as signing takes the time of several of them. */
  make(requests) {
    for (let made = 0; made < requests; made++) {
      this.#made.push(requestText(this.#workload, newTokenLine(this.#kind)));
    }
  }

  /** Sends so many of those that are made, evenly over the connections, on each one after the other. */
  async run(requests) {
    const texts = this.#made.splice(0, requests);
    if (texts.length < requests) throw new Error(`only ${texts.length} of ${requests} requests were made`);
    return overLanes(this.#lanes, requests, (lane, times, from) =>
      this.#runLane(lane, texts.slice(from, from + times.length), times),
    );
  }

  close() {
    for (const lane of this.#lanes) lane.close();
  }

  /** Notes in `times` how many ms each request took; gives the number of answers that say something about the token. */
  async #runLane(lane, texts, times) {
    let tokens = 0;
    let before = performance.now();
    for (const [index, text] of texts.entries()) {
      const { status, head, body } = await lane.send(text);
      const now = performance.now();
      times[index] = now - before;
      before = now;
      const token = tokenOf(head);
      this.#check(status, body, token);
      if (token !== undefined) tokens++;
    }
    return tokens;
  }

  /** Every answer is looked at. An empty cookie tells the client to drop its own; a new one would be a new session. */
  #check(status, body, token) {
    const { path, status: wanted } = this.#workload;
    if (status === wanted && body === this.#answer && (token === undefined || token.endsWith('='))) return;
    throw new Error(`${path} answered ${status} ${body}, ${token ?? 'no token'}; expected ${wanted} ${this.#answer}`);
  }
}
