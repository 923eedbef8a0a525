import { createClient, type Client } from 'graphql-ws';
import { WebSocket, type ClientOptions } from 'ws';
import type { Result } from './servers.js';

interface Opening {
  headers?: Record<string, string>;
  connectionParams?: Record<string, unknown>;
}

const open = new Set<Client>();

/** One WebSocket as clients of GraphQL open it. Ends with the test: see `closeSubscribers`. */
export function subscriber(url: string, { headers = {}, connectionParams = {} }: Opening = {}): Client {
  class WithHeaders extends WebSocket {
    constructor(address: string, protocols: string, options?: ClientOptions) {
      super(address, protocols, { ...options, headers });
    }
  }
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WithHeaders,
    connectionParams,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
  });
  open.add(client);
  return client;
}

/** All results of a subscription up to its end; the errors with which the server refused it, as one of them. */
export async function resultsOf(client: Client, query: string): Promise<Result[]> {
  const results: Result[] = [];
  try {
    for await (const result of client.iterate({ query })) results.push(result as Result);
  } catch (errors) {
    if (!Array.isArray(errors)) throw errors;
    results.push({ errors: errors as NonNullable<Result['errors']> });
  }
  return results;
}

/** Closes all WebSockets: `afterEach(closeSubscribers)`. */
export async function closeSubscribers(): Promise<void> {
  await Promise.all([...open].map(async (client) => client.dispose()));
  open.clear();
}
