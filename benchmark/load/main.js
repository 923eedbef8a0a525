// The client in a process of its own, driven by messages of its parent.
import { answerParent } from '../processes.js';
import { isTurn } from '../workloads.js';
import { Connection, requestText, tokenOf } from './connection.js';
import { Roaming } from './roaming.js';
import { Slice } from './slice.js';
import { Turns } from './turns.js';

let slice;
let roaming;

answerParent({
  /** One request on a connection of its own. */
  async single({ port, workload, token }) {
    const connection = await Connection.open(port);
    const { status, head, body } = await connection.send(requestText(workload, token));
    connection.close();
    if (status !== workload.status) throw new Error(`${workload.path} answered ${status}: ${body}`);
    return { token: tokenOf(head), body: JSON.parse(body) };
  },

  /** Opens the connections of a slice and gets them going: what it costs is not measured. */
  async open({ port, workload, sessions, hasTokens, warmUp, requests }) {
    const { length } = sessions;
    slice = isTurn(workload)
      ? await Turns.open(port, workload, { connections: length, each: (warmUp + requests) / length, hasTokens })
      : await Slice.open(port, workload, sessions);
    await slice.run(warmUp);
  },

  run: (requests) => slice.run(requests),

  /** Some of the sessions that came or went, by their tokens. */
  turns: () => slice.some(),

  close: () => slice.close(),

  /** The same with sessions that are picked at random. */
  async roam(options) {
    roaming = await Roaming.open(options);
  },

  roamRun: ({ workload, requests }) => roaming.run(workload, requests),

  roamStart: ({ workloads, perSecond }) => roaming.start(workloads, perSecond),

  roamStop: () => roaming.stop(),

  roamClose: () => roaming.close(),
});
