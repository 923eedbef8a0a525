import { MEMORY_CONTENDERS } from './contenders/memory.js';
import { REDIS_CONTENDERS } from './contenders/redis.js';

/**
 * @typedef {object} Contender one server process
 * @property {string} name
 * @property {'fastify' | 'express'} platform
 * @property {'bare' | 'floor' | 'ours' | 'near' | 'peer' | 'variant'} role targets compare ours with bare and peer
 * @property {string} layer the file in server/layers/
 * @property {string} label
 * @property {string} settings what differs from the defaults
 * @property {boolean} [redis] whether it needs a Redis
 * @property {string} [prefix] of its keys there, each its own, as long as the package's default
 * @property {string[]} [workloads] those that it is measured with; all unless given
 */

/** @type {readonly Contender[]} */
export const CONTENDERS = [...new Set([...MEMORY_CONTENDERS, ...REDIS_CONTENDERS])];

export const PLATFORM_NAMES = { fastify: 'Fastify', express: 'Express' };
export const PLATFORMS = Object.keys(PLATFORM_NAMES);

/** @param {Contender} contender */
export const hasSessions = ({ role }) => role !== 'bare' && role !== 'floor';

/**
 * @param {Contender} contender
 * @param {import('./workloads.js').Workload} workload
 */
export const takes = ({ workloads }, { name }) => workloads?.includes(name) ?? true;
