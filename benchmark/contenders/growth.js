const touched = "touchInterval: '25m', so that only the touch workload touches; header X-Auth-Token";

/**
 * Those that are filled with ever more sessions, all on Express. `kind` says what a client sends for a token, and
 * `workloads` what they have: express-session touches with each read, and connect-pg-simple can't count.
 *
 * @type {readonly import('../contenders.js').Contender[]}
 */
export const GROWTH_CONTENDERS = [
  {
    name: 'growth-postgres',
    platform: 'express',
    role: 'ours',
    layer: 'growth-postgres',
    backend: 'postgres',
    kind: 'header',
    label: 'PostgresStore',
    settings: `forRoot(new PostgresStore({ pool }), …), ${touched}`,
    workloads: ['read', 'write', 'touch', 'login'],
  },
  {
    name: 'growth-connect-pg',
    platform: 'express',
    role: 'peer',
    layer: 'growth-connect-pg',
    backend: 'postgres',
    kind: 'cookie',
    label: 'connect-pg-simple',
    settings:
      'express-session with store: { pool }, saveUninitialized: false, resave: false, cookie.maxAge: 30 minutes; login is regenerate()',
    workloads: ['read', 'write', 'login'],
  },
  {
    name: 'growth-sqlite',
    platform: 'express',
    role: 'beside',
    layer: 'growth-sqlite',
    writes: 1 / 4,
    kind: 'header',
    label: 'SqliteStore',
    settings: `forRoot(new SqliteStore({ database }), …) with libsql and a file, synchronous: 'full'; ${touched}`,
    workloads: ['read', 'write', 'touch', 'login'],
  },
  {
    name: 'growth-memory',
    platform: 'express',
    role: 'beside',
    layer: 'growth-memory',
    kind: 'header',
    label: 'MemoryStore',
    settings: `forRoot(new MemoryStore({ maxSessions: 2_000_000 }), …), ${touched}`,
    workloads: ['read', 'write', 'touch', 'login'],
  },
];
