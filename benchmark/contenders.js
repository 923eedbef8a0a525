import { GROWTH_CONTENDERS } from './contenders/growth.js';
import { HEAP_CONTENDERS } from './contenders/heap.js';
import { MEMORY_CONTENDERS } from './contenders/memory.js';
import { PARALLEL_CONTENDERS } from './contenders/parallel.js';
import { POSTGRES_CONTENDERS } from './contenders/postgres.js';
import { REDIS_CONTENDERS } from './contenders/redis.js';
import { UNKNOWN_CONTENDERS } from './contenders/unknown.js';

/**
 * @typedef {object} Contender one server process
 * @property {string} name
 * @property {'fastify' | 'express'} platform
 * @property {'bare' | 'floor' | 'ours' | 'near' | 'beside' | 'peer' | 'variant'} role ours is compared with bare and
 *   peer; near and beside are ours with other settings or another store
 * @property {string} layer the file in server/layers/
 * @property {string} [over] the file there that has the session layer, for handlers of another part
 * @property {string} label
 * @property {string} settings what differs from the defaults
 * @property {'redis' | 'postgres'} [backend] the server that it needs
 * @property {string} [prefix] of its keys in Redis, each its own, as long as the package's default
 * @property {number} [writes] the part of the requests that it is measured with in write, as each waits for the disk
 * @property {readonly string[]} [flags] of its Node
 * @property {string[]} [workloads] those that it is measured with; all unless given
 */

/** @type {readonly Contender[]} */
export const CONTENDERS = [
  ...new Set([
    ...MEMORY_CONTENDERS,
    ...REDIS_CONTENDERS,
    ...POSTGRES_CONTENDERS,
    ...GROWTH_CONTENDERS,
    ...HEAP_CONTENDERS,
    ...PARALLEL_CONTENDERS,
    ...UNKNOWN_CONTENDERS,
  ]),
];

export const PLATFORM_NAMES = { fastify: 'Fastify', express: 'Express' };
export const PLATFORMS = Object.keys(PLATFORM_NAMES);

/** @param {Contender} contender */
export const hasSessions = ({ role }) => role !== 'bare' && role !== 'floor';

/**
 * @param {Contender} contender
 * @param {import('./workloads.js').Workload} workload
 */
export const takes = ({ workloads }, { name }) => workloads?.includes(name) ?? true;
