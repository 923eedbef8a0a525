import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { figures } from '../load/roaming.js';
import { GROWTH_WORKLOADS } from './workloads.js';

/** How long ago sessions began, in ms: past the absolute limit, so that what the index of users has of them has ended, too. */
const AGE = 13 * 60 * 60_000;

const WORKLOADS = GROWTH_WORKLOADS.filter(({ name }) => name === 'read' || name === 'write');

/**
 * @typedef {object} Sweep
 * @property {string} contender
 * @property {number} removed rows in all sweeps
 * @property {number} perSecond rows
 * @property {{ p50: number, p99: number, max: number, requests: number }} without ms, before and after sweeps
 * @property {{ p50: number, p99: number, max: number, requests: number }} during sweeps
 *
 * Sweeps ended sessions from among living ones, several times, with a steady load of reads and writes.
 *
 * @returns {Promise<Sweep>}
 */
export async function sweepsOf(bench, server, { sessions, ended, sweeps, perSecond, quiet, connections, shiftOf }) {
  const { contender, helper, port } = server;
  const { client } = bench;
  const times = { without: [], during: [] };
  const load = { workloads: WORKLOADS, perSecond };
  const measured = async (act) => {
    // A server closes connections that nobody uses for some seconds.
    await client.ask('roam', { port, name: contender.name, kind: contender.kind, sessions, connections });
    await client.ask('roamStart', load);
    const result = await act();
    const taken = await client.ask('roamStop');
    await client.ask('roamClose');
    return [result, taken];
  };
  let removed = 0;
  let ms = 0;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const from = sessions + sweep * ended + 1;
    await helper.ask('fill', { from, to: from + ended - 1, age: shiftOf(server, AGE) });
    await helper.ask('settle');
    const [, before] = await measured(() => setTimeout(quiet));
    const [swept, during] = await measured(() => helper.ask('sweep'));
    removed += swept.value;
    ms += swept.ms;
    times.without.push(...before);
    times.during.push(...during);
  }
  assert.equal(removed, ended * sweeps, `${contender.name} did not remove what has ended`);
  const told = (list) => ({ ...figures(list), requests: list.length });
  return {
    contender: contender.name,
    removed,
    perSecond: removed / (ms / 1e3),
    without: told(times.without),
    during: told(times.during),
  };
}
