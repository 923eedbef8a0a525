const lifetime = 'cookie.maxAge: 30 minutes, as long as a session of ours lives unused';

/** Where sessions are: the layers that other parts have for it, and what differs from the defaults. */
const PLACES = [
  {
    place: 'memory',
    ours: { over: 'ours', settings: 'forRoot(): memory store' },
    fastify: { over: 'fastify-session', settings: 'memory store' },
    express: { over: 'express-session', settings: 'memory store' },
  },
  {
    place: 'redis',
    backend: 'redis',
    ours: { over: 'ours-redis', settings: 'forRoot(new RedisStore({ client, prefix }))' },
    fastify: { over: 'fastify-connect-redis', settings: `connect-redis with { client, prefix }, ${lifetime}` },
    express: { over: 'express-connect-redis', settings: `connect-redis with { client, prefix }, ${lifetime}` },
  },
  {
    place: 'postgres',
    backend: 'postgres',
    ours: { over: 'ours-postgres', settings: 'forRoot(new PostgresStore({ pool }))' },
    fastify: { over: 'fastify-connect-pg', settings: `connect-pg-simple with { pool }, ${lifetime}` },
    express: { over: 'express-connect-pg', settings: `connect-pg-simple with { pool }, ${lifetime}` },
  },
];

const PEERS = {
  fastify: { label: '@fastify/session', settings: 'saveUninitialized: false, cookie.secure: false' },
  express: { label: 'express-session', settings: 'saveUninitialized: false, resave: false' },
};

const layer = 'parallel';

/**
 * Those whose requests meet: each layer with each place for its sessions.
 *
 * @type {readonly import('../contenders.js').Contender[]}
 */
export const PARALLEL_CONTENDERS = Object.entries(PEERS).flatMap(([platform, peer]) =>
  PLACES.flatMap(({ place, backend, ours, [platform]: theirs }) => [
    {
      name: `parallel-ours-${place}-${platform}`,
      platform,
      role: 'ours',
      layer,
      over: ours.over,
      backend,
      prefix: `paro-${platform.slice(0, 2)}:`,
      label: 'nestjs-token-session',
      settings: `${ours.settings}, header X-Auth-Token; @Session() of the package`,
    },
    {
      name: `parallel-peer-${place}-${platform}`,
      platform,
      role: 'peer',
      layer,
      over: theirs.over,
      backend,
      prefix: `pa${platform.slice(0, 2)}:`,
      label: peer.label,
      settings: `${peer.settings}; ${theirs.settings}; @Session() of Nest`,
    },
  ]),
);
