import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../user-index.js';
import type { PostgresLink } from './postgres-link.js';
import type { PostgresStatements } from './postgres-statements.js';
import { span, textOf, textValue, time } from './record-row.js';

/** The index of users in PostgreSQL: a row for each entry, and a function for each operation. */
export class PostgresUserIndex implements UserIndex {
  /**
   * @param now ms since the epoch, or undefined for the clock of the server: those of several applications may
   *   differ by more than a login takes
   */
  constructor(
    private readonly statements: PostgresStatements,
    private readonly now: () => number | undefined,
    private readonly link: PostgresLink,
  ) {}

  async add(userId: string, id: string, lifetime: number, terms: UserIndexTerms): Promise<UserIndexAddition> {
    const { replaces, isThere = false, max, evict = [] } = terms;
    const [row] = await this.run<{ added: boolean; revoked_ids: string[] }>('userAdd', userId, [
      textValue(id),
      span(lifetime),
      replaces === undefined ? null : textValue(replaces),
      isThere,
      max ?? null,
      evict.map(textValue),
    ]);
    return { added: row?.added === true, revoked: (row?.revoked_ids ?? []).map(textOf) };
  }

  async settle(userId: string, id: string, lifetime: number): Promise<boolean> {
    const [row] = await this.run<{ settled: boolean }>('userSettle', userId, [textValue(id), span(lifetime)]);
    return row?.settled === true;
  }

  async revoke(userId: string, choice: UserIndexChoice): Promise<string[]> {
    const named = 'only' in choice ? choice.only : choice.except;
    const values = [named === undefined ? null : textValue(named), 'only' in choice];
    const [row] = await this.run<{ ids: string[] }>('userRevoke', userId, values);
    return (row?.ids ?? []).map(textOf);
  }

  async remove(userId: string, ids: readonly string[]): Promise<void> {
    await this.run('userRemove', userId, [ids.map(textValue)]);
  }

  async list(userId: string): Promise<UserIndexEntry[]> {
    const rows = await this.run<{ id: string | null; settled: boolean; replaces: string | null }>(
      'userList',
      userId,
      [],
    );
    return rows.flatMap(({ id, settled, replaces }) => {
      if (id === null) return [];
      const entry = { id: textOf(id), settled };
      return replaces === null ? entry : { ...entry, replaces: textOf(replaces) };
    });
  }

  private async run<T>(operation: keyof PostgresStatements, userId: string, values: unknown[]): Promise<T[]> {
    const now = this.now();
    const all = [textValue(userId), ...values, now === undefined ? null : time(now)];
    return (await this.link.run(this.statements[operation], all)).rows as T[];
  }
}
