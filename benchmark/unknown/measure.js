import assert from 'node:assert/strict';
import { hasSessions, takes } from '../contenders.js';
import { measure } from '../measure.js';
import { WORKLOADS } from '../workloads.js';

/** Of how many requests the questions to the store are counted. */
const WATCHED = 160;

/**
 * @typedef {object} Left what a flood left behind in one contender
 * @property {string} contender
 * @property {string} workload
 * @property {number} heap bytes by which the heap grew, after a collection of garbage
 * @property {number} [asked] how often the store was asked for a session, for each request
 * @property {number} [sessions] how many the store holds at the end that the application has not stored
 *
 * @param {import('./flood-bench.js').FloodBench} bench
 * @returns {Promise<{ samples: import('../measure.js').Sample[], left: Left[] }>}
 */
export async function measureFlood(bench, suite, options, progress) {
  const { samples } = await measure(bench, suite, options, progress);
  const left = [];
  for (const [index, server] of bench.servers.entries()) {
    progress(index, bench.servers.length, `${server.contender.name}: ${options.flood} requests`);
    for (const workload of WORKLOADS.filter((one) => takes(server.contender, one))) {
      left.push(await leftBy(bench, server, workload, options.flood));
    }
  }
  return { samples, left };
}

async function leftBy(bench, server, workload, requests) {
  const { contender, helper, sessions } = server;
  const { name, role } = contender;
  const { before, after } = await bench.flood(server, workload, requests, 'collect');
  const found = { contender: name, workload: workload.name, heap: after - before };
  if (!hasSessions(contender)) return found;
  const stored = (await helper.ask('count')) - sessions.length;
  assert.ok(role !== 'ours' || stored === 0, `${name} holds ${stored} sessions more than the application has stored`);
  return { ...found, asked: await askedBy(bench, server, workload), sessions: stored };
}

/** Apart from what is measured, as counting is work. */
async function askedBy(bench, server, workload) {
  const { contender, helper } = server;
  await helper.ask('watch');
  const { before, after } = await bench.flood(server, workload, WATCHED, 'asked');
  await helper.ask('unwatch');
  const asked = (after - before) / WATCHED;
  // A token that is refused before the store is reached would make a peer cheap.
  assert.ok(
    asked >= 1 || contender.role !== 'peer',
    `the store of ${contender.name} was asked ${asked} times a request`,
  );
  return asked;
}
