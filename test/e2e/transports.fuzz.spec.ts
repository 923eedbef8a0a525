import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { closeApps, startApp } from '../support/app.js';
import { CARRIERS, type Carrier } from '../support/carriers.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

const VALID = randomBytes(32).toString('base64url');

/** The definition, apart from how the code checks it. */
function isWellFormed(value: string): boolean {
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === 32 && bytes.toString('base64url') === value;
}

/** What an HTTP header can carry: visible Latin-1, blanks and tabs. */
const character = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.constant(0x09) },
);
const text = fc.array(character, { maxLength: 200 }).map((codes) => String.fromCharCode(...codes));

/** A valid token with a few changes: the neighbourhood in which a careless check goes wrong. */
const nearToken = fc
  .array(fc.tuple(fc.nat(VALID.length), character, fc.constantFrom('replace', 'insert', 'delete')), { maxLength: 3 })
  .map((edits) =>
    edits.reduce((token, [at, code, kind]) => {
      const put = kind === 'delete' ? '' : String.fromCharCode(code);
      return token.slice(0, at) + put + token.slice(kind === 'insert' ? at : at + 1);
    }, VALID),
  );
const base64url = fc.stringMatching(/^[A-Za-z0-9_-]{42,44}$/);
const anything = fc.oneof(text, nearToken, base64url);

/** What the transport sees of a value: HTTP trims a header, a cookie ends at a semicolon. */
function seen({ name }: Carrier, value: string): string {
  if (name === 'cookie') return (value.split(';')[0] as string).trimEnd();
  return name === 'bearer' ? value.replace(/[ \t]+$/, '') : value.replace(/^[ \t]+|[ \t]+$/g, '');
}

describe.each(PLATFORMS)('fuzzed tokens on %s', (platform) => {
  afterEach(closeApps);

  it.each(CARRIERS.map((carrier) => [carrier.name, carrier] as const))(
    'law 1: only well-formed tokens reach the store, and nothing is echoed: %s',
    async (_name, carrier) => {
      const store = new ProbedStore();
      const lines: string[] = [];
      const log = (line: string): void => void lines.push(line);
      const app = await startApp(platform, {
        controllers: [CounterController],
        // Every transport listens, so that what is none of one's is none of the others'.
        session: {
          store,
          transport: [carrier, ...CARRIERS.filter((other) => other !== carrier)].map(({ transport }) => transport()),
          logger: { warn: log, error: log },
        },
      });
      const events = collectEvents(app);
      const property = fc.asyncProperty(anything, async (value) => {
        store.calls.length = 0;
        events.length = 0;

        const answer = await call(app.url, '/views', { headers: carrier.send(value) });

        const token = seen(carrier, value);
        const wellFormed = isWellFormed(token);
        expect([answer.status, answer.json()]).toEqual([200, { views: 0 }]);
        expect(store.calls).toEqual(wellFormed ? ['load'] : []);
        expect(events.map(({ type }) => type)).toEqual([wellFormed ? 'token_unknown' : 'input_validation_fail']);
        if (token.length > 8) {
          expect(JSON.stringify([answer.headers, answer.text, events, lines])).not.toContain(token);
        }
      });

      await fc.assert(property, { numRuns: 150, examples: [[VALID], [`${VALID} `], [` ${VALID}`], [`"${VALID}"`]] });
      expect(lines.length).toBeLessThanOrEqual(1);
    },
    60_000,
  );

  it('law 1: whole Cookie and Authorization headers of any shape never fail a request', async () => {
    const store = new ProbedStore();
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { store, transport: CARRIERS.map(({ transport }) => transport()) },
    });
    const piece = fc.oneof(
      text,
      fc.constantFrom(';', '; ', '=', ',', '__Host-sid', '__Host-sid=', `__Host-sid=${VALID}`, 'Bearer ', VALID),
    );
    const line = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const property = fc.asyncProperty(line, line, async (cookieLine, authorization) => {
      store.calls.length = 0;
      const answer = await call(app.url, '/views', { headers: { Cookie: cookieLine, Authorization: authorization } });
      expect([answer.status, answer.json()]).toEqual([200, { views: 0 }]);
      expect(store.calls.length).toBeLessThanOrEqual(1);
      expect([answer.token, answer.cookies]).toEqual([undefined, []]);
    });

    await fc.assert(property, { numRuns: 200 });
  }, 60_000);
});
