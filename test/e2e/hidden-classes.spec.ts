import connect from 'connect';
import express from 'express';
import { session } from 'nestjs-token-session';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { SILENT } from '../support/app.js';
import { call } from '../support/client.js';

// V8 compiles a function when it is first called, so the flag stays for the life of this test process.
setFlagsFromString('--allow-natives-syntax');
const haveSameClass = runInThisContext('(one, other) => %HaveSameMap(one, other)') as (...pair: object[]) => boolean;
const isFast = runInThisContext('(object) => %HasFastProperties(object)') as (object: object) => boolean;

const isBeforeNode24 = Number.parseInt(process.versions.node) < 24;

const APPS = { connect, express };

type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
type App = RequestListener & { use(handler: Handler): unknown };

/** What can be seen of two requests, and of two responses, that are with their handler at the same time. */
async function meet<T>(framework: keyof typeof APPS, layer: Handler, look: (one: object, other: object) => T) {
  const seen: T[] = [];
  const waiting: [IncomingMessage, ServerResponse][] = [];
  const app = APPS[framework]() as App;
  app.use(layer);
  app.use((request, response) => {
    // As any middleware does.
    Object.assign(request, { user: 'ada' });
    Object.assign(response, { begunAt: 1 });
    waiting.push([request, response]);
    const [first, second] = waiting;
    if (first === undefined || second === undefined) return;
    seen.push(look(first[0], second[0]), look(first[1], second[1]));
    for (const [, answer] of waiting.splice(0)) answer.end();
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  // The first pair may teach V8 what the following ones share.
  for (let round = 0; round < 2; round++) await Promise.all([call(url, '/'), call(url, '/')]);
  await new Promise((resolve) => server.close(resolve));
  return seen.slice(2);
}

const nothing: Handler = (_request, _response, next) => {
  next();
};

let layer: ReturnType<typeof session>;

beforeEach(() => {
  layer = session({ logger: SILENT });
});

afterEach(() => layer.close());

// On connect V8 decides by itself, and by what else has run in the process.
describe('requests and responses on Express', () => {
  it('share their hidden classes, also after properties were added', async () => {
    expect(await meet('express', layer, haveSameClass)).toEqual([true, true]);
  });

  it('are dictionaries before Node 24, where that is cheaper', async () => {
    const seen = await meet('express', layer, isFast);
    if (isBeforeNode24) expect(seen).toEqual([false, false]);
    else expect(seen).toHaveLength(2);
  });
});

it.each(['connect', 'express'] as const)(
  'on %s they have the properties that they have without the session layer',
  async (framework) => {
    const describe = (one: object) =>
      Object.entries(Object.getOwnPropertyDescriptors(one))
        .map(([name, { value, ...rest }]) => `${name} ${JSON.stringify({ type: typeof value, ...rest })}`)
        .filter((property) => !property.startsWith('session '))
        .sort();
    expect(await meet(framework, layer, describe)).toEqual(await meet(framework, nothing, describe));
  },
);
