import { errorText } from '../../error-text.js';
import { SessionConfigError } from '../../session.errors.js';
import { sqlStateOf } from './postgres-errors.js';
import type { PostgresPool } from './postgres-pool.js';
import { objectsOf } from './postgres-schema.js';
import type { ResolvedPostgresTable } from './postgres.options.js';

const REMEDIES: Record<string, string> = {
  '3F000': 'the schema is not there: create it first',
  '42501':
    'the role may not create in the schema: GRANT CREATE ON SCHEMA … to it, or run the statements of postgresSchema() as one that may',
};

/** One process at a time (R65): two that make a table at once fail, also with IF NOT EXISTS. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('nestjs-token-session migration', 0))`;

/**
 * Makes what is not there. Nothing is locked when all is: CREATE INDEX IF NOT EXISTS would wait for each writer, and
 * keep all others waiting meanwhile.
 */
export async function migrate(pool: PostgresPool, table: ResolvedPostgresTable): Promise<void> {
  const objects = objectsOf(table);
  const columns = objects.map(({ isThere }, index) => `${isThere} AS is_there_${String(index)}`);
  try {
    const { rows } = await pool.query(`SELECT ${columns.join(', ')}`);
    const found = Object.values((rows[0] ?? {}) as Record<string, boolean>);
    const missing = objects.filter((_, index) => found[index] !== true);
    if (missing.length === 0) return;
    // One text is one transaction.
    await pool.query([LOCK, ...missing.map(({ statement }) => statement)].join(';\n'));
  } catch (error) {
    const message = errorText(error);
    const remedy = REMEDIES[sqlStateOf(error) ?? ''];
    if (remedy !== undefined)
      throw new SessionConfigError('INVALID_STORE', `PostgresStore.migrate: ${remedy} (${message}).`);
    const hint = 'Is the address right, and the server there? An application starts without migrate() and waits for it';
    throw new Error(`PostgresStore.migrate: ${message}. ${hint}.`, { cause: error });
  }
}
