import type { PostgresNames } from './postgres-schema.js';

export interface PostgresFunction {
  /** Its name and the types of what it takes. */
  readonly signature: string;
  readonly body: string;
  readonly statement: string;
}

/**
 * The rules of the index of users as functions, one statement each for whoever calls them. A function takes the user's
 * lock first, and each of its statements then sees all that was committed before: one statement alone, a CTE
 * say, would see the time before it waited for the lock, and two logins could both be the last within `maxPerUser`.
 *
 * In all of them `p_now` is in ms since the epoch, or NULL for the clock of the server; an entry that has ended is
 * not there.
 */
export function userFunctions(names: PostgresNames): PostgresFunction[] {
  const { users } = names;
  /** Entries of the user that have not ended. */
  const entries = `${users} e WHERE e.user_id = p_user AND e.ends_at > v_now`;
  /** The entry that was to replace one that is gone has no place any more. */
  const isOrphan = (entry: string): string =>
    `${entry}.replaces IS NOT NULL AND NOT EXISTS (SELECT FROM ${entries} AND e.id = ${entry}.replaces)`;
  /** An entry and those that are to replace it have one place between them. */
  const placeOf = (id: string): string => `coalesce((SELECT e.replaces FROM ${entries} AND e.id = ${id}), ${id})`;
  const define = (
    name: string,
    parameters: string,
    returns: string,
    declare: string,
    act: string,
  ): PostgresFunction => {
    const all = `${parameters}, p_now bigint`;
    const body = `
DECLARE
  v_now bigint;
  ${declare}
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sessions need the isolation level read committed';
  END IF;
  PERFORM pg_advisory_xact_lock(${names.lockOf});
  v_now := coalesce(p_now, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
${act}
END `;
    return {
      signature: `${name}(${all.replace(/p_\w+ /g, '')})`,
      body,
      statement: `CREATE OR REPLACE FUNCTION ${name}(${all}) RETURNS ${returns} LANGUAGE plpgsql AS $nts$${body}$nts$`,
    };
  };

  return [
    define(
      names.add,
      'p_user text, p_id text, p_lifetime bigint, p_replaces text, p_there boolean, p_max bigint, p_evict text[]',
      'TABLE (added boolean, revoked_ids text[])',
      `v_earlier ${users}%ROWTYPE;
  v_again boolean;
  v_places text[];
  v_victims text[];
  v_excess bigint;`,
      `  SELECT * INTO v_earlier FROM ${entries} AND e.id = p_id;
  v_again := v_earlier.revoked IS NOT DISTINCT FROM false AND (NOT p_there OR v_earlier.replaces IS NULL);
  added := v_again;
  IF NOT v_again AND (CASE WHEN p_there THEN v_earlier.revoked IS NOT DISTINCT FROM false ELSE v_earlier.id IS NULL END) THEN
    IF p_replaces IS NOT NULL THEN
      added := EXISTS (SELECT FROM ${entries} AND e.id = p_replaces AND NOT e.revoked);
    ELSIF p_max IS NULL THEN
      added := true;
    ELSE
      SELECT coalesce(array_agg(DISTINCT coalesce(o.replaces, o.id)), '{}') INTO v_places FROM ${users} o
        WHERE o.user_id = p_user AND o.ends_at > v_now AND NOT o.revoked AND o.id <> p_id AND NOT (${isOrphan('o')});
      v_excess := cardinality(v_places) + 1 - p_max;
      added := v_excess <= 0;
      IF NOT added THEN
        SELECT coalesce(array_agg(c.place), '{}') INTO v_victims FROM (
          SELECT v.place FROM (
            SELECT ${placeOf('u.id')} AS place, u.rank FROM unnest(p_evict) WITH ORDINALITY AS u(id, rank)
          ) v WHERE v.place = ANY (v_places) GROUP BY v.place ORDER BY min(v.rank) LIMIT v_excess
        ) c;
        added := cardinality(v_victims) >= v_excess;
        IF added THEN
          UPDATE ${users} o SET revoked = true
            WHERE o.user_id = p_user AND o.ends_at > v_now AND o.id <> p_id AND coalesce(o.replaces, o.id) = ANY (v_victims);
        END IF;
      END IF;
    END IF;
  END IF;
  IF added AND NOT v_again THEN
    INSERT INTO ${users} (user_id, id, ends_at, settled, revoked, replaces, replaced)
      VALUES (p_user, p_id, v_now + p_lifetime, false, false, p_replaces, NULL)
      ON CONFLICT (user_id, id) DO UPDATE SET ends_at = excluded.ends_at, settled = false, revoked = false,
        replaces = excluded.replaces, replaced = NULL;
  END IF;
  SELECT coalesce(array_agg(e.id), '{}') INTO revoked_ids FROM ${entries} AND e.revoked;
  RETURN NEXT;`,
    ),
    define(
      names.settle,
      'p_user text, p_id text, p_lifetime bigint',
      'boolean',
      `v_entry ${users}%ROWTYPE;`,
      `  SELECT * INTO v_entry FROM ${entries} AND e.id = p_id;
  IF v_entry.revoked IS DISTINCT FROM false OR (${isOrphan('v_entry')}) THEN
    RETURN false;
  END IF;
  DELETE FROM ${users} o WHERE o.user_id = p_user AND o.id = v_entry.replaces;
  UPDATE ${users} o SET ends_at = v_now + p_lifetime, settled = true, replaces = NULL,
    replaced = coalesce(o.replaces, o.replaced) WHERE o.user_id = p_user AND o.id = p_id;
  RETURN FOUND;`,
    ),
    define(
      names.revoke,
      'p_user text, p_named text, p_only boolean',
      'text[]',
      `v_places text[];
  v_ids text[];`,
      `  IF p_named IS NOT NULL THEN
    SELECT array_agg(coalesce(e.replaces, e.id)) || ${placeOf('p_named')} INTO v_places
      FROM ${entries} AND e.replaced = p_named;
  END IF;
  UPDATE ${users} o SET revoked = true WHERE o.user_id = p_user AND o.ends_at > v_now AND NOT o.revoked
    AND (coalesce(o.replaces, o.id) = ANY (coalesce(v_places, '{}'))) = p_only;
  SELECT coalesce(array_agg(e.id), '{}') INTO v_ids FROM ${entries}
    AND (coalesce(e.replaces, e.id) = ANY (coalesce(v_places, '{}'))) = p_only;
  RETURN v_ids;`,
    ),
    define(
      names.remove,
      'p_user text, p_ids text[]',
      'void',
      'v_id text;',
      // One by one, by the index: the planner would read all entries of the user.
      `  FOREACH v_id IN ARRAY p_ids LOOP
    DELETE FROM ${users} o WHERE o.user_id = p_user AND o.id = v_id;
  END LOOP;`,
    ),
  ];
}
