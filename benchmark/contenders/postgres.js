import { BARE_EXPRESS, BARE_FASTIFY, OURS_IN_MEMORY } from './memory.js';

const lifetime = 'cookie.maxAge: 30 minutes, as long as a session of ours lives unused';
const token = 'header X-Auth-Token; @Session() of the package';

const floor = {
  role: 'floor',
  layer: 'bare-select',
  backend: 'postgres',
  workloads: ['read', 'write'],
  label: 'bare Nest + SELECT',
  settings:
    'no session; handlers send pool.query() with a SELECT by primary key of 400 bytes and, in write, an UPDATE of them',
};
const ours = {
  role: 'ours',
  layer: 'ours-postgres',
  backend: 'postgres',
  label: 'nestjs-token-session',
  settings: `forRoot(new PostgresStore({ pool })), ${token}`,
};
const full = {
  role: 'beside',
  layer: 'ours-sqlite',
  writes: 1 / 4,
  label: 'nestjs-token-session, SQLite',
  settings: `forRoot(new SqliteStore({ database })) with libsql and a file; synchronous: 'full' (its default), which waits for the disk at each write; ${token}`,
};
const normal = {
  ...full,
  layer: 'ours-sqlite-normal',
  writes: 1,
  label: 'nestjs-token-session, SQLite, normal',
  settings: "the same with synchronous: 'normal', which does not wait for the disk",
};
const memory = { ...OURS_IN_MEMORY, role: 'beside', label: 'nestjs-token-session, memory' };

/** All with the same driver and the same options for it. @type {readonly import('../contenders.js').Contender[]} */
export const POSTGRES_CONTENDERS = [
  BARE_FASTIFY,
  { ...floor, name: 'select-fastify', platform: 'fastify' },
  { ...ours, name: 'ours-postgres-fastify', platform: 'fastify' },
  {
    name: 'connect-pg-fastify',
    platform: 'fastify',
    role: 'peer',
    layer: 'fastify-connect-pg',
    backend: 'postgres',
    label: '@fastify/session + connect-pg-simple',
    settings: `saveUninitialized: false, cookie.secure: false, ${lifetime}, rolling: true (its default); store: { pool }; @Session() of Nest`,
  },
  {
    name: 'connect-pg-fastify-still',
    platform: 'fastify',
    role: 'variant',
    layer: 'fastify-connect-pg-still',
    backend: 'postgres',
    label: '@fastify/session + connect-pg-simple, rolling off',
    settings: 'the same with rolling: false, which is cheaper, but does not prolong a session that is only read',
  },
  { ...full, name: 'ours-sqlite-fastify', platform: 'fastify' },
  BARE_EXPRESS,
  { ...floor, name: 'select-express', platform: 'express' },
  { ...ours, name: 'ours-postgres-express', platform: 'express' },
  {
    name: 'connect-pg-express',
    platform: 'express',
    role: 'peer',
    layer: 'express-connect-pg',
    backend: 'postgres',
    label: 'express-session + connect-pg-simple',
    settings: `saveUninitialized: false, resave: false, ${lifetime}, rolling: false (its default); store: { pool }; @Session() of Nest`,
  },
  {
    name: 'connect-pg-express-still',
    platform: 'express',
    role: 'variant',
    layer: 'express-connect-pg-still',
    backend: 'postgres',
    label: 'express-session + connect-pg-simple, disableTouch',
    settings:
      'the same with store: { pool, disableTouch: true }, which is cheaper, but does not prolong a session that is only read',
  },
  { ...full, name: 'ours-sqlite-express', platform: 'express' },
  { ...normal, name: 'ours-sqlite-normal-express', platform: 'express' },
  { ...memory, name: 'ours-memory-express', platform: 'express' },
];
