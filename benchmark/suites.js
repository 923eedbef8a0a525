import { MEMORY_CONTENDERS } from './contenders/memory.js';
import { REDIS_CONTENDERS } from './contenders/redis.js';
import { MEMORY_TARGETS, REDIS_TARGETS } from './targets.js';

/**
 * A part of the benchmark: its contenders run side by side.
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} title
 * @property {readonly import('./contenders.js').Contender[]} contenders
 * @property {readonly import('./targets.js').Target[]} targets
 * @property {string[]} packages whose versions matter, beside Nest's
 */

const LAYERS = ['@fastify/session', '@fastify/cookie', 'express-session'];

/** @type {readonly Suite[]} */
export const SUITES = [
  { name: 'memory', title: 'In memory', contenders: MEMORY_CONTENDERS, targets: MEMORY_TARGETS, packages: LAYERS },
  {
    name: 'redis',
    title: 'With Redis',
    contenders: REDIS_CONTENDERS,
    targets: REDIS_TARGETS,
    packages: [...LAYERS, 'connect-redis', 'redis', '@redis/client'],
  },
];

/**
 * @param {Suite} suite
 * @param {string} platform
 */
export const contendersOn = ({ contenders }, platform) =>
  contenders.filter((contender) => contender.platform === platform);

/** The one contender in this role. */
export const inRole = (suite, platform, role) => contendersOn(suite, platform).find((one) => one.role === role);
