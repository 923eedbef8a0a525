import type { SessionTransport } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import { OWN } from './support/ways.js';

describe.each(PLATFORMS)('values of an own transport that are no text, on %s', (platform) => {
  afterEach(closeApps);

  it.each<[string, string, number]>([
    ['an array', 'j:["@"]', 1],
    ['an array of 43', `j:[${Array(43).fill('"A"').join()}]`, 1],
    ['an object', 'j:{"value":"@"}', 1],
    ['an object as long as a token', 'j:{"length":43}', 1],
    ['an object that is no text', 'j:{"length":43,"toString":1,"valueOf":1}', 1],
    ['a number', 'j:42', 1],
    ['nothing', 'j:null', 1],
  ])('H20: an own transport that hands on what a cookie parser made of the value: %s', async (_what, sent, told) => {
    const store = new ProbedStore();
    const parsing: SessionTransport = {
      ...OWN.transport(),
      // As cookie-parser does with what begins with j:.
      read: ({ raw }) => {
        const { ticket } = raw.headers;
        return ticket === undefined ? undefined : (JSON.parse(String(ticket).slice('j:'.length)) as string);
      },
    };
    const app = await startApp(platform, { controllers: [CounterController], session: { store, transport: parsing } });
    const issued = await call(app.url, '/views', { method: 'POST' });
    const events = collectEvents(app);
    store.calls.length = 0;

    const answer = await call(app.url, '/views', {
      headers: { Ticket: sent.replace('@', OWN.received(issued) as string) },
    });

    expect([answer.status, answer.json(), store.calls]).toEqual([200, { views: 0 }, []]);
    expect(events).toHaveLength(told);
  });
});
