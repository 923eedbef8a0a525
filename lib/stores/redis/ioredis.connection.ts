/** A client of one server. */
export interface DuplicableClient {
  duplicate(overrides: object): IoRedisConnection;
}

/** What is called of a connection of the store's own. */
export interface IoRedisConnection {
  connect(): Promise<unknown>;
  disconnect(): void;
  call(command: string, args: (string | number)[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  ping(): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/**
 * A connection beside the client's; not open yet. When it is lost it is not made again: what happens meanwhile would be
 * missed.
 */
export function besideIoRedis(client: DuplicableClient, lost: (reason: string) => void): IoRedisConnection {
  const connection = client.duplicate({
    lazyConnect: true,
    protocol: 2,
    keyPrefix: '',
    retryStrategy: () => null,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: false,
  });
  connection.on('error', () => undefined);
  connection.on('close', () => {
    lost('the connection was closed');
  });
  return connection;
}
