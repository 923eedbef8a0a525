import { BARE_EXPRESS, BARE_FASTIFY } from './memory.js';

const lifetime = 'cookie.maxAge: 30 minutes, as long as a session of ours lives unused';

const floor = {
  role: 'floor',
  layer: 'bare-get',
  backend: 'redis',
  workloads: ['read', 'write'],
  label: 'bare Nest + GET',
  settings:
    "no session; handlers send the driver's GET of a key of 400 bytes and, in write, its SET, with its default timeout",
};
const ours = {
  role: 'ours',
  layer: 'ours-redis',
  backend: 'redis',
  label: 'nestjs-token-session',
  settings: 'forRoot(new RedisStore({ client, prefix })), header X-Auth-Token; @Session() of the package',
};

const near = {
  ...ours,
  role: 'near',
  layer: 'ours-near',
  label: 'nestjs-token-session, near cache',
  settings: 'the same with nearCache: true, which asks Redis for its ROLE four times a second',
};

/** All with the same driver and the same options for it. @type {readonly import('../contenders.js').Contender[]} */
export const REDIS_CONTENDERS = [
  BARE_FASTIFY,
  { ...floor, name: 'get-fastify', platform: 'fastify', prefix: 'floor-f:' },
  { ...ours, name: 'ours-redis-fastify', platform: 'fastify', prefix: 'ours--f:' },
  { ...near, name: 'near-redis-fastify', platform: 'fastify', prefix: 'near--f:' },
  {
    name: 'connect-redis-fastify',
    prefix: 'fas-:',
    platform: 'fastify',
    role: 'peer',
    layer: 'fastify-connect-redis',
    backend: 'redis',
    label: '@fastify/session + connect-redis',
    settings: `saveUninitialized: false, cookie.secure: false, ${lifetime}, rolling: true (its default); @Session() of Nest`,
  },
  {
    name: 'connect-redis-fastify-still',
    prefix: 'fasS:',
    platform: 'fastify',
    role: 'variant',
    layer: 'fastify-connect-redis-still',
    backend: 'redis',
    label: '@fastify/session + connect-redis, rolling off',
    settings: 'the same with rolling: false, which is cheaper, but does not prolong a session that is only read',
  },
  BARE_EXPRESS,
  { ...floor, name: 'get-express', platform: 'express', prefix: 'floor-e:' },
  { ...ours, name: 'ours-redis-express', platform: 'express', prefix: 'ours--e:' },
  { ...near, name: 'near-redis-express', platform: 'express', prefix: 'near--e:' },
  {
    name: 'connect-redis-express',
    prefix: 'exp-:',
    platform: 'express',
    role: 'peer',
    layer: 'express-connect-redis',
    backend: 'redis',
    label: 'express-session + connect-redis',
    settings: `saveUninitialized: false, resave: false, ${lifetime}, rolling: false (its default); @Session() of Nest`,
  },
];
