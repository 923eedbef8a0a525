import { redisErrorText } from './redis-errors.js';

/** A client of one server. */
export interface DuplicableClient {
  readonly options?: { readonly socket?: object } | undefined;
  duplicate(overrides: object): NodeRedisConnection;
}

/** What is called of a connection of the store's own. */
export interface NodeRedisConnection {
  connect(): Promise<unknown>;
  sendCommand(args: string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  ping(): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  destroy(): unknown;
}

/**
 * A connection of RESP3 beside the client's, where the driver hands over what the server pushes; not open yet. When it is
 * lost it is not made again: what happens meanwhile would be missed.
 */
export function besideNodeRedis(
  client: DuplicableClient,
  overrides: object,
  lost: (reason: string) => void,
): NodeRedisConnection {
  const connection = client.duplicate({
    RESP: 3,
    clientSideCache: undefined,
    url: undefined,
    keyPrefix: undefined,
    commandOptions: undefined,
    socket: { ...client.options?.socket, reconnectStrategy: false },
    ...overrides,
  });
  connection.on('error', (error) => {
    lost(redisErrorText(error));
  });
  connection.on('end', () => {
    lost('the connection was closed');
  });
  return connection;
}

/** What opens a connection by `open`, and what closes it at any time. */
export function openAndClose(
  connection: NodeRedisConnection,
  open: () => Promise<unknown>,
): { opened: Promise<unknown>; close: () => void } {
  const end = (): void => {
    try {
      connection.destroy();
    } catch {
      // It is closed already.
    }
  };
  let isSettled = false;
  const opened = open().finally(() => {
    isSettled = true;
  });
  const close = (): void => {
    // A connection that is just being made would survive, and could not be ended later.
    if (isSettled) end();
    else opened.then(end, end);
  };
  return { opened, close };
}
