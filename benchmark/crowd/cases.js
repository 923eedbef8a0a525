import { HUGE_SIZE, LARGE_SIZE, SIZE } from '../session-data.js';
import { workloadNamed } from '../workloads.js';

/** What is asked of a crowd; the other workloads touch no data. */
export const CROWD_WORKLOADS = ['read', 'write'].map(workloadNamed);

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number} connections with a session each
 * @property {number} size bytes of a session's data
 * @property {number} [share] of the requests, where one takes far longer
 *
 * @type {readonly Case[]}
 */
export const CASES = [
  { name: 'alone', connections: 1, size: SIZE },
  { name: 'some', connections: 32, size: SIZE },
  { name: 'crowd', connections: 256, size: SIZE },
  { name: 'large', connections: 32, size: LARGE_SIZE },
  { name: 'huge', connections: 32, size: HUGE_SIZE, share: 1 / 4 },
];

/** The one that is judged. */
export const JUDGED = 'crowd';

/**
 * Whether a contender is measured with it: the driver alone has the values of one size only.
 *
 * @param {import('../contenders.js').Contender} contender
 * @param {Case} one
 */
export const isFor = ({ role }, { size }) => role !== 'floor' || size === SIZE;
