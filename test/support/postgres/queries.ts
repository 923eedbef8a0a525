import { Client } from 'pg';

/** What pg.Client and pg.Pool take. */
export interface Address {
  host: string;
  port: number;
  user: string;
  database: string;
}

export type Row = Record<string, unknown>;

/** One statement on a connection of its own. */
export async function ask<Columns extends Row>(
  address: Address,
  text: string,
  values: readonly unknown[],
): Promise<Columns[]> {
  const client = new Client({ ...address, connectionTimeoutMillis: 5_000, query_timeout: 20_000 });
  // The call that is under way fails with it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Columns>(text, [...values])).rows;
  } finally {
    void client.end();
  }
}
