import { Connection, requestText, tokenOf } from './connection.js';
import { overLanes } from './lanes.js';

/** Requests of one workload to one server, on one connection for each session. */
export class Slice {
  #workload;
  #lanes;

  constructor(workload, lanes) {
    this.#workload = workload;
    this.#lanes = lanes;
  }

  /** @param {{ token?: string, count?: number }[]} sessions with the count that each stands at, where it has one */
  static async open(port, workload, sessions) {
    const lanes = await Promise.all(
      sessions.map(async ({ token, count }) => ({
        connection: await Connection.open(port),
        request: requestText(workload, workload.token ? token : undefined),
        count,
      })),
    );
    return new Slice(workload, lanes);
  }

  /** Sends so many requests in all, evenly over the connections, on each one after the other. */
  run(requests) {
    return overLanes(this.#lanes, requests, (lane, times) => this.#runLane(lane, times));
  }

  /** Gives the count that each session stands at now. */
  close() {
    for (const { connection } of this.#lanes) connection.close();
    return this.#lanes.map(({ count }) => count);
  }

  /** Sends a request for each place in `times`, for its ms; gives the number of answers that carried a token. */
  async #runLane(lane, times) {
    let tokens = 0;
    let before = performance.now();
    for (let sent = 0; sent < times.length; sent++) {
      const { status, head, body } = await lane.connection.send(lane.request);
      // The next one is sent at once, so one look at the clock does for both.
      const now = performance.now();
      times[sent] = now - before;
      before = now;
      if (this.#workload.name === 'write' && lane.count !== undefined) lane.count++;
      this.#check(status, body, lane.count);
      if (tokenOf(head) !== undefined) tokens++;
    }
    return tokens;
  }

  /** Every answer is looked at: a contender that fails is fast. */
  #check(status, body, count) {
    const { path, status: wanted } = this.#workload;
    if (status === wanted && isExpected(path, body, count)) return;
    throw new Error(`${path} answered ${status} ${body}; expected ${wanted}, count ${count}`);
  }
}

function isExpected(path, body, count) {
  if (path === '/plain') return body === '{"ok":true}';
  return count === undefined ? /^\{"count":\d{7}\}$/.test(body) : body === `{"count":${count}}`;
}
