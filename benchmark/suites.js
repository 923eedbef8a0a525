import { CROWD_CONTENDERS } from './contenders/crowd.js';
import { GROWTH_CONTENDERS } from './contenders/growth.js';
import { HEAP_CONTENDERS } from './contenders/heap.js';
import { MEMORY_CONTENDERS } from './contenders/memory.js';
import { PARALLEL_CONTENDERS } from './contenders/parallel.js';
import { POSTGRES_CONTENDERS } from './contenders/postgres.js';
import { REDIS_CONTENDERS } from './contenders/redis.js';
import { UNKNOWN_CONTENDERS } from './contenders/unknown.js';
import { MEMORY_TARGETS, POSTGRES_TARGETS, REDIS_TARGETS } from './targets.js';

/**
 * A part of the benchmark: its contenders run side by side.
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} title
 * @property {string} kind one of kinds.js
 * @property {readonly import('./contenders.js').Contender[]} contenders
 * @property {readonly import('./targets.js').Target[]} targets
 * @property {number} [warmUp] requests of each workload at the start of a run, where the usual number would take too long
 * @property {boolean} [hasSizes] whether it says what a session takes
 * @property {string[]} packages whose versions matter, beside Nest's
 */

const LAYERS = ['@fastify/session', '@fastify/cookie', 'express-session'];

/** @type {readonly Suite[]} */
export const SUITES = [
  {
    name: 'memory',
    title: 'In memory',
    kind: 'requests',
    contenders: MEMORY_CONTENDERS,
    targets: MEMORY_TARGETS,
    packages: LAYERS,
  },
  {
    name: 'redis',
    title: 'With Redis',
    kind: 'requests',
    contenders: REDIS_CONTENDERS,
    targets: REDIS_TARGETS,
    hasSizes: true,
    packages: [...LAYERS, 'connect-redis', 'redis', '@redis/client'],
  },
  {
    name: 'postgres',
    title: 'With PostgreSQL',
    kind: 'requests',
    contenders: POSTGRES_CONTENDERS,
    targets: POSTGRES_TARGETS,
    warmUp: 4_000,
    packages: [...LAYERS, 'connect-pg-simple', 'pg', 'libsql'],
  },
  {
    name: 'postgres-million',
    title: 'Growth to a million sessions',
    kind: 'growth',
    contenders: GROWTH_CONTENDERS,
    targets: [],
    packages: ['express-session', 'connect-pg-simple', 'pg', 'libsql'],
  },
  {
    name: 'parallel',
    title: 'Requests that meet',
    kind: 'parallel',
    contenders: PARALLEL_CONTENDERS,
    targets: [],
    packages: [...LAYERS, 'connect-redis', 'redis', 'connect-pg-simple', 'pg'],
  },
  {
    name: 'unknown',
    title: 'A flood of unknown tokens',
    kind: 'unknown',
    contenders: UNKNOWN_CONTENDERS,
    targets: [],
    packages: LAYERS,
  },
  {
    name: 'heap',
    title: 'Heap of sessions in memory',
    kind: 'heap',
    contenders: HEAP_CONTENDERS,
    targets: [],
    packages: [...LAYERS, 'memorystore'],
  },
  {
    name: 'crowd',
    title: 'More clients, larger sessions',
    kind: 'crowd',
    contenders: CROWD_CONTENDERS,
    targets: [],
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
