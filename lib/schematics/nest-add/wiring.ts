export const STORES = ['memory', 'redis', 'postgres', 'sqlite'] as const;
export const TRANSPORTS = ['header', 'cookie', 'both', 'bearer'] as const;

export type StoreChoice = (typeof STORES)[number];
export type TransportChoice = (typeof TRANSPORTS)[number];

/** What a store takes: its driver, and the lines that make it. */
interface StoreWiring {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly imports: readonly string[];
  readonly setUp: readonly string[];
  /** The expression; none for the store that is there by itself. */
  readonly store?: string;
  /** What is left to do, in a sentence. */
  readonly next: string;
}

export const STORE_WIRING: Readonly<Record<StoreChoice, StoreWiring>> = {
  memory: {
    dependencies: {},
    imports: [],
    setUp: [],
    next: 'Sessions are kept in memory, and end with the process.',
  },
  redis: {
    dependencies: { redis: '^6.0.0' },
    imports: ["import { RedisStore } from 'nestjs-token-session/redis';", "import { createClient } from 'redis';"],
    setUp: [
      "const client = createClient({ url: process.env['REDIS_URL'] ?? 'redis://localhost:6379' });",
      '// Goes on trying; until then, requests that use sessions are answered with 503.',
      'client.connect().catch(() => undefined);',
    ],
    store: 'new RedisStore({ client })',
    next: 'REDIS_URL says where Redis is; redis://localhost:6379 without it.',
  },
  postgres: {
    dependencies: { pg: '^8.11.0' },
    devDependencies: { '@types/pg': '^8.11.0' },
    imports: ["import { PostgresStore } from 'nestjs-token-session/postgres';", "import { Pool } from 'pg';"],
    setUp: [
      "const pool = new Pool({ connectionString: process.env['DATABASE_URL'], connectionTimeoutMillis: 2_000 });",
    ],
    store: 'new PostgresStore({ pool })',
    next: 'DATABASE_URL says where PostgreSQL is. Run `npm run session:migrate` once for each deployment: it makes the tables.',
  },
  sqlite: {
    dependencies: { libsql: '^0.5.0' },
    imports: ["import Database from 'libsql';", "import { SqliteStore } from 'nestjs-token-session/sqlite';"],
    setUp: ["const database = new Database(process.env['SESSION_DATABASE'] ?? 'sessions.db');"],
    store: 'new SqliteStore({ database })',
    next: 'Sessions are kept in sessions.db; SESSION_DATABASE names another file.',
  },
};

const TRANSPORT_WIRING: Readonly<Record<TransportChoice, { names: readonly string[]; expression: string }>> = {
  header: { names: ['header'], expression: 'header()' },
  cookie: { names: ['cookie'], expression: 'cookie()' },
  both: { names: ['cookie', 'header'], expression: '[cookie(), header()]' },
  bearer: { names: ['bearer'], expression: 'bearer()' },
};

/** The file that holds the options of sessions. */
export function optionsFile(store: StoreChoice, transport: TransportChoice): string {
  const { imports, setUp, store: expression } = STORE_WIRING[store];
  const { names, expression: way } = TRANSPORT_WIRING[transport];
  const lines = [
    ...[...imports, `import { ${names.join(', ')}, type SessionOptions } from 'nestjs-token-session';`].sort(bySource),
    '',
    '/** How this application keeps sessions. */',
    'export function sessionOptions(): SessionOptions {',
    ...setUp.map((line) => `  ${line}`),
    '  return {',
    ...(expression === undefined ? [] : [`    store: ${expression},`]),
    ...(names.includes('cookie') ? ['    // The cookie needs HTTPS; browsers make an exception for localhost.'] : []),
    `    transport: ${way},`,
    "    idleTimeout: '30m',",
    "    absoluteTimeout: '12h',",
    '  };',
    '}',
    '',
  ];
  return lines.join('\n');
}

/** The program that makes PostgreSQL's tables. */
export function migrationFile(): string {
  return `import { PostgresStore } from 'nestjs-token-session/postgres';
import { Pool } from 'pg';

/** Makes the tables of sessions, once for each deployment: npm run session:migrate */
async function migrate(): Promise<void> {
  const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
  try {
    await new PostgresStore({ pool }).migrate();
  } finally {
    await pool.end();
  }
}

migrate().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
`;
}

function bySource(a: string, b: string): number {
  const source = (line: string): string => line.slice(line.indexOf(" from '"));
  return source(a) < source(b) ? -1 : 1;
}
