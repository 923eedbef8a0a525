import { MEMORY_CONTENDERS } from './memory.js';

/** The layers whose memory store can be looked at. Bare Nest has none. */
const LAYERS = {
  ours: 'unknown-ours',
  'fastify-session': 'unknown-fastify-session',
  'express-session': 'unknown-express-session',
};

/** What a token of each session layer looks like; see unknown/tokens.js. Bare Nest is sent such as ours. */
const KINDS = { bare: 'header', ours: 'header', 'fastify-session': 'fastify', 'express-session': 'express' };

/**
 * Those that are flooded with tokens of no session: those in memory, but for the variants.
 *
 * @type {readonly import('../contenders.js').Contender[]}
 */
export const UNKNOWN_CONTENDERS = MEMORY_CONTENDERS.filter(({ role }) => role !== 'variant').map((one) => ({
  ...one,
  name: `unknown-${one.name}`,
  layer: LAYERS[one.layer] ?? one.layer,
  // For the garbage of the flood to be collected.
  flags: ['--expose-gc'],
  workloads: ['unused', 'read'],
  kind: KINDS[one.layer],
}));
