/** What the store calls of pg: its types are not imported, so that whatever has this shape fits. */
export interface PostgresPool {
  /** A connection for one statement; the caller gives it back by `release`. */
  connect(): Promise<PostgresClient>;
  query(text: string): Promise<PostgresResult>;
  on?: {
    (event: 'error', listener: (error: Error) => void): unknown;
    (event: 'connect', listener: (client: PostgresClient) => void): unknown;
  };
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- as Node's EventEmitter has it
  listeners?(event: 'error' | 'connect'): Function[];
  readonly options?: { connectionTimeoutMillis?: number | undefined };
}

/** A connection of the pool. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Gives the connection back to the pool; with an error it is closed. */
  release(error?: Error): void;
  /** The number of the server's process. */
  processID?: number | null;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- as Node's EventEmitter has it
  listeners?(event: 'error'): Function[];
}

/** A statement, as pg takes it. */
export interface PostgresQuery {
  text: string;
  values: unknown[];
  /** Statements with a name are prepared once per connection. */
  name?: string;
}

/** What pg gives of a statement. */
export interface PostgresResult {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as pg has it: rows have whatever columns the statement names
  rows: any[];
  rowCount: number | null;
}
