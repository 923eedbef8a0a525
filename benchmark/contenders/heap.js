import { MEMORY_CONTENDERS } from './memory.js';

/** So that a garbage collection can be had, and the heap never is at its limit. */
const flags = ['--expose-gc', '--max-old-space-size=12288'];

const peer = { role: 'peer', flags };

/** The stores whose sessions are weighed, each behind its session layer. @type {readonly import('../contenders.js').Contender[]} */
export const STORE_CONTENDERS = [
  {
    name: 'heap-ours',
    platform: 'fastify',
    role: 'ours',
    flags,
    layer: 'heap-ours',
    label: 'MemoryStore',
    settings: 'forRoot(new MemoryStore({ maxSessions: 1_000_000 })), as its default is 100,000',
  },
  {
    ...peer,
    name: 'heap-express-session',
    platform: 'express',
    layer: 'heap-express-session',
    label: 'express-session, MemoryStore',
    settings: 'saveUninitialized: false, resave: false',
  },
  {
    ...peer,
    name: 'heap-memorystore',
    platform: 'express',
    layer: 'heap-memorystore',
    label: 'express-session, memorystore',
    settings: 'the same with memorystore as its README has it: checkPeriod and cookie.maxAge of a day',
  },
  {
    ...peer,
    name: 'heap-fastify-session',
    platform: 'fastify',
    layer: 'heap-fastify-session',
    label: '@fastify/session',
    settings: 'its own store, saveUninitialized: false, cookie.secure: false',
  },
];

/** The one that has a million. @type {import('../contenders.js').Contender} */
export const MILLION = {
  name: 'heap-million',
  platform: 'express',
  role: 'beside',
  flags,
  layer: 'heap-million',
  kind: 'header',
  label: 'MemoryStore with a million',
  settings: "forRoot(new MemoryStore({ maxSessions: 1_000_000 }), { touchInterval: '25m' })",
};

export const HEAP_CONTENDERS = [...STORE_CONTENDERS, MILLION, ...MEMORY_CONTENDERS];
