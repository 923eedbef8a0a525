/**
 * @typedef {object} Workload
 * @property {'none' | 'unused' | 'read' | 'write' | 'new' | 'login' | 'logout'} name
 * @property {string} label
 * @property {string} method
 * @property {string} path
 * @property {number} status what every answer must have
 * @property {boolean} token whether the client sends its token
 * @property {boolean} [stores] whether each request waits until something is stored
 * @property {string} meaning
 *
 * @typedef {object} Turn what makes a workload one in which sessions come or go
 * @property {number} part of the requests that other workloads have
 * @property {boolean} gives whether each answer carries the token of a new session; else none does
 * @property {string[]} before the workloads that make the sessions it uses up, a session for each of its requests
 * @property {string[]} after those that end the sessions it leaves behind
 *
 * @typedef {Workload & Turn} TurnWorkload
 */

/** Requests for sessions that stay: each connection sends all of its own for one. @type {readonly Workload[]} */
export const STEADY_WORKLOADS = [
  {
    name: 'none',
    label: 'no token',
    method: 'GET',
    path: '/plain',
    status: 200,
    token: false,
    meaning: 'no token is sent, and the handler does not use the session',
  },
  {
    name: 'unused',
    label: 'unused',
    method: 'GET',
    path: '/plain',
    status: 200,
    token: true,
    meaning: 'the token of a stored session is sent; the handler does not use the session',
  },
  {
    name: 'read',
    label: 'read',
    method: 'GET',
    path: '/read',
    status: 200,
    token: true,
    meaning: 'the handler reads one value of the session',
  },
  {
    name: 'write',
    label: 'write',
    method: 'POST',
    path: '/write',
    status: 201,
    token: true,
    stores: true,
    meaning: 'the handler counts up one value of the session, which is stored before the answer',
  },
];

/** Up to 3 requests are sent for one that is measured, as sessions have to be made before it and ended after it. */
const TURN = { method: 'POST', status: 201, stores: true, part: 1 / 4 };
const LESS = 'slices have a quarter of the requests';

/** Requests after which there is another session than before. @type {readonly TurnWorkload[]} */
export const TURN_WORKLOADS = [
  {
    ...TURN,
    name: 'new',
    label: 'new',
    path: '/seed',
    token: false,
    gives: true,
    before: [],
    after: ['logout'],
    meaning: `no token is sent; the handler puts all data into the session, which is stored before the answer, which carries its token; ${LESS}`,
  },
  {
    ...TURN,
    name: 'login',
    label: 'login',
    path: '/login',
    token: true,
    gives: true,
    before: ['new'],
    after: ['logout'],
    meaning: `the token of a session without a user is sent, each one once; the handler signs a user in, so that the data is in a new session, whose token the answer carries; ${LESS}`,
  },
  {
    ...TURN,
    name: 'logout',
    label: 'logout',
    path: '/logout',
    token: true,
    gives: false,
    before: ['new', 'login'],
    after: [],
    meaning: `the token of a session with a user is sent, each one once; the handler destroys the session; ${LESS}`,
  },
];

/** @type {readonly (Workload | TurnWorkload)[]} */
export const WORKLOADS = [...STEADY_WORKLOADS, ...TURN_WORKLOADS];

/** @param {Workload | TurnWorkload} workload */
export const isTurn = ({ before }) => before !== undefined;

/** @param {string} name */
export const workloadNamed = (name) => WORKLOADS.find((workload) => workload.name === name);
