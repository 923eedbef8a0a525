const memory = 'memory store';
export const OURS_IN_MEMORY = {
  role: 'ours',
  layer: 'ours',
  settings: `forRoot(): ${memory}, header X-Auth-Token; @Session() of the package`,
};
const bare = {
  role: 'bare',
  layer: 'bare',
  label: 'bare Nest',
  settings: 'no session; handlers use an object of the process',
};

export const BARE_FASTIFY = { ...bare, name: 'bare-fastify', platform: 'fastify' };
export const BARE_EXPRESS = { ...bare, name: 'bare-express', platform: 'express' };

/** @type {readonly import('../contenders.js').Contender[]} */
export const MEMORY_CONTENDERS = [
  BARE_FASTIFY,
  { ...OURS_IN_MEMORY, name: 'ours-fastify', platform: 'fastify', label: 'nestjs-token-session' },
  {
    name: 'fastify-session',
    platform: 'fastify',
    role: 'peer',
    layer: 'fastify-session',
    label: '@fastify/session',
    settings: `${memory}, saveUninitialized: false, cookie.secure: false, rolling: true (its default); @Session() of Nest`,
  },
  {
    name: 'fastify-session-still',
    platform: 'fastify',
    role: 'variant',
    layer: 'fastify-session-still',
    label: '@fastify/session, rolling off',
    settings: 'the same with rolling: false, which is cheaper, but does not prolong a session that is only read',
  },
  BARE_EXPRESS,
  { ...OURS_IN_MEMORY, name: 'ours-express', platform: 'express', label: 'nestjs-token-session' },
  {
    name: 'express-session',
    platform: 'express',
    role: 'peer',
    layer: 'express-session',
    label: 'express-session',
    settings: `${memory}, saveUninitialized: false, resave: false, rolling: false (its default); @Session() of Nest`,
  },
];
