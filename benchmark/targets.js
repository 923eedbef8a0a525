/**
 * The targets of the performance issue, for CPU time above bare Nest with a session of 400 bytes:
 * at most so many µs, or at most this part of what the peer adds.
 *
 * @typedef {{ platform: string, workload: string, role?: string, micros?: number, part?: number }} Target
 * @type {readonly Target[]}
 */
export const MEMORY_TARGETS = [
  { platform: 'fastify', workload: 'none', micros: 2 },
  { platform: 'fastify', workload: 'unused', micros: 3 },
  { platform: 'fastify', workload: 'read', part: 7 },
  { platform: 'fastify', workload: 'write', part: 6 },
  { platform: 'express', workload: 'none', micros: 8 },
  { platform: 'express', workload: 'read', part: 4 },
  { platform: 'express', workload: 'write', part: 3 },
];

/** @type {readonly Target[]} */
export const REDIS_TARGETS = [
  { platform: 'fastify', workload: 'read', part: 4 },
  { platform: 'fastify', workload: 'write', part: 2 },
  { platform: 'fastify', workload: 'read', role: 'near', part: 6 },
  { platform: 'express', workload: 'read', part: 3 },
  { platform: 'express', workload: 'write', part: 5 / 3 },
];

/** @type {readonly Target[]} */
export const POSTGRES_TARGETS = [{ platform: 'express', workload: 'read', part: 2 }];
