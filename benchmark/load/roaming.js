import { tokenLine } from '../growth/tokens.js';
import { quantile } from '../statistics.js';
import { Connection, requestText } from './connection.js';

/** Of the generator of Park and Miller, which stays below it. */
const LARGEST = 2 ** 31 - 1;

/** A random number: the same ones in each run, but others in each slice. */
let last = 1;

/** Requests for sessions that are picked at random among many. */
export class Roaming {
  #lanes;
  #name;
  #kind;
  #sessions;
  #isOver = false;
  #running;

  /**
   * @param {Connection[]} lanes
   * @param {string} name of the contender
   * @param {string} kind of token
   * @param {number} sessions how many there are
   */
  constructor(lanes, name, kind, sessions) {
    this.#lanes = lanes;
    this.#name = name;
    this.#kind = kind;
    this.#sessions = sessions;
  }

  static async open({ port, name, kind, sessions, connections }) {
    const lanes = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
    return new Roaming(lanes, name, kind, sessions);
  }

  /** Sends so many requests in all, on each connection one after the other. */
  async run(workload, requests) {
    const times = [];
    await Promise.all(
      this.#lanes.map(async (lane) => {
        for (let left = requests / this.#lanes.length; left > 0; left--) {
          const before = performance.now();
          await this.#send(lane, workload);
          times.push(performance.now() - before);
        }
      }),
    );
    return figures(times);
  }

  /**
   * Sends requests at a steady rate till `stop`, of one workload on each connection. A request that could not be sent
   * in time, as the connection's last one was not answered yet, has waited since it was due.
   */
  start(workloads, perSecond) {
    const interval = (this.#lanes.length * 1e3) / perSecond;
    const begin = performance.now();
    this.#isOver = false;
    this.#running = this.#lanes.map(async (lane, index) => {
      const workload = workloads[index % workloads.length];
      const times = [];
      let due = begin + (interval * index) / this.#lanes.length;
      for (; !this.#isOver; due += interval) {
        const wait = due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        // A timer that is late is the client's own.
        const from = wait > 0 ? performance.now() : due;
        await this.#send(lane, workload);
        times.push(performance.now() - from);
      }
      return times;
    });
  }

  /** Gives the ms that each request took. */
  async stop() {
    this.#isOver = true;
    return (await Promise.all(this.#running)).flat();
  }

  close() {
    for (const lane of this.#lanes) lane.close();
  }

  async #send(lane, workload) {
    last = (last * 48_271) % LARGEST;
    const number = 1 + Math.floor((last / LARGEST) * this.#sessions);
    const { status, body } = await lane.send(
      requestText(workload, workload.token ? tokenLine(this.#kind, number) : undefined),
    );
    // Each one is looked at: a contender that fails is fast. A session that was not found has no count.
    if (status !== workload.status || !/^\{"(count":\d{7}|ok":true)\}$/.test(body)) {
      throw new Error(`${this.#name}: ${workload.path} answered ${status} ${body} for session ${number}`);
    }
  }
}

/** What is told of times in ms. */
export function figures(times) {
  const sorted = Float64Array.from(times).sort();
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) };
}
