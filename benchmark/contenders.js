/**
 * @typedef {object} Contender one server process
 * @property {string} name
 * @property {'fastify' | 'express'} platform
 * @property {'bare' | 'ours' | 'peer' | 'variant'} role targets compare ours with bare and peer
 * @property {string} layer the file in server/layers/
 * @property {string} label
 * @property {string} settings what differs from the defaults
 */

const memory = 'memory store';
const ours = {
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

/** @type {readonly Contender[]} */
export const CONTENDERS = [
  { ...bare, name: 'bare-fastify', platform: 'fastify' },
  { ...ours, name: 'ours-fastify', platform: 'fastify', label: 'nestjs-token-session' },
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
  { ...bare, name: 'bare-express', platform: 'express' },
  { ...ours, name: 'ours-express', platform: 'express', label: 'nestjs-token-session' },
  {
    name: 'express-session',
    platform: 'express',
    role: 'peer',
    layer: 'express-session',
    label: 'express-session',
    settings: `${memory}, saveUninitialized: false, resave: false, rolling: false (its default); @Session() of Nest`,
  },
];

export const PLATFORM_NAMES = { fastify: 'Fastify', express: 'Express' };
export const PLATFORMS = Object.keys(PLATFORM_NAMES);

/** @param {string} platform */
export const contendersOn = (platform) => CONTENDERS.filter((contender) => contender.platform === platform);

/** @param {string} platform */
export const peerOn = (platform) => contendersOn(platform).find(({ role }) => role === 'peer');
