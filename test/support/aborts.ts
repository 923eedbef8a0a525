import { request as httpRequest, type ClientRequest, type Server, type ServerResponse } from 'node:http';
import type { RunningApp } from './platforms.js';

/** Node's server of an application. */
export function serverOf(running: RunningApp): Server {
  return running.app.getHttpServer() as Server;
}

/** A request that the test ends itself, by `destroy()`; nobody minds that its socket closes. */
export function begin(url: string, path: string, token?: string): ClientRequest {
  const headers = token === undefined ? {} : { 'X-Auth-Token': token };
  const sent = httpRequest(new URL(path, url), { agent: false, headers });
  sent.on('error', () => undefined).end();
  return sent;
}

/** Resolves when the server has noticed that the client of its next request is gone. */
export function nextClose(running: RunningApp): Promise<void> {
  return new Promise((resolve) => {
    serverOf(running).once('request', (_request: unknown, response: ServerResponse) => {
      response.once('close', resolve);
    });
  });
}
