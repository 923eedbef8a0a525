import { PLATFORM_NAMES, peerOn } from '../contenders.js';
import { WORKLOADS } from '../workloads.js';
import { micros } from './format.js';

/** What a target asks for. */
export function targetText({ platform, part, limit }) {
  return part === undefined ? `at most ${micros(limit)}` : `at most 1/${part} of ${peerOn(platform).label}`;
}

/** What was found. */
export function foundText({ part, above, reached, peer }) {
  if (part === undefined) return micros(above);
  return `${micros(above)} of ${micros(peer)}, ${reached > 0 ? `1/${reached.toFixed(1)}` : 'nothing measurable'}`;
}

/** Whether it is met, and by how much. */
export function verdictText({ met, clear, above, limit }) {
  const by = micros(Math.abs(limit - above));
  return `${met ? `met, ${by} to spare` : `MISSED by ${by}`}${clear ? '' : ' (within the spread)'}`;
}

export function caseText({ platform, workload }) {
  return `${PLATFORM_NAMES[platform]}, ${WORKLOADS.find(({ name }) => name === workload).label}`;
}

/** Where server and client ran. */
export function coresText({ pinned }, { apart }) {
  if (!pinned) return 'not pinned to cores';
  return apart ? 'server and client on a core of their own each' : 'server and client on one core';
}
