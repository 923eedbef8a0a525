/**
 * @typedef {object} Workload
 * @property {'none' | 'unused' | 'read' | 'write'} name
 * @property {string} label
 * @property {string} method
 * @property {string} path
 * @property {number} status what every answer must have
 * @property {boolean} token whether the client sends its token
 * @property {string} meaning
 */

/** @type {readonly Workload[]} */
export const WORKLOADS = [
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
    meaning: 'the handler counts up one value of the session, which is stored before the answer',
  },
];

/** @param {string} name */
export const workloadNamed = (name) => WORKLOADS.find((workload) => workload.name === name);
