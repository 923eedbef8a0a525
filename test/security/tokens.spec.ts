import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import { linesOf, rawGet } from './support/raw-request.js';
import { UNSIGNED, WAYS, type Way } from './support/ways.js';

const TOKEN = randomBytes(32).toString('base64url');
const OTHER = randomBytes(32).toString('base64url');

const HOSTILE = [
  ...['', ' ', '\t', '""', 'null', 'undefined', `"${TOKEN}"`, `${TOKEN}=`, `${TOKEN}A`, TOKEN.slice(1)],
  ...[`${TOKEN.slice(0, 20)}+${TOKEN.slice(21)}`, `${TOKEN.slice(0, 42)}B`, `${TOKEN}, ${OTHER}`, `${TOKEN},${TOKEN}`],
  ...[`${TOKEN} ${OTHER}`, `Bearer ${TOKEN}`, `${TOKEN}\0`, `\0${TOKEN}`, `${TOKEN}\x9b2J`, `${TOKEN}\x1b[2J`],
  ...['%E0%A4%A', '%00', '__proto__', 'constructor', 'hasOwnProperty', '../../etc/passwd', '*', 'sess:*', '{tag}'],
  ...["' OR 1=1--", 'j:{"length":43}', 's:', `s:${TOKEN}.`, 'A'.repeat(15_000), '%'.repeat(4_000), 'Ã¼'.repeat(21)],
];

/** A line feed would begin another header. */
const byte = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  { weight: 2, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 1, arbitrary: fc.constantFrom(0x00, 0x07, 0x09, 0x0b, 0x0d, 0x1b, 0x7f) },
);
const anyBytes = fc.array(byte, { maxLength: 120 }).map((codes) => String.fromCharCode(...codes));
/** One change to a token. */
const nearToken = fc
  .tuple(fc.nat(TOKEN.length), byte, fc.constantFrom(0, 1, 2))
  .map(([at, code, cut]) => TOKEN.slice(0, at) + String.fromCharCode(code) + TOKEN.slice(at + cut));
const value = fc.oneof(anyBytes, nearToken);

/** Whether something else than this value would be read: HTTP trims it, a cookie ends at a semicolon. */
function isOther({ send }: Way, sent: string): boolean {
  return 'Cookie' in send('') && sent.includes(';');
}

const isToken = (sent: string): boolean => {
  const bytes = Buffer.from(sent.trim(), 'base64url');
  return bytes.length === 32 && bytes.toString('base64url') === sent.trim();
};

describe.each(PLATFORMS)('hostile tokens on %s', (platform) => {
  afterEach(closeApps);

  it.each([...WAYS, UNSIGNED].map((way) => [way.title, way] as const))(
    'H1, H2, H3, H6, H9, H13, H16, H19, H21: any bytes that are no token are none: no store call, no echo, one event: %s',
    async (_title, way) => {
      const store = new ProbedStore();
      const lines: string[] = [];
      const log = (line: string): void => void lines.push(line);
      // Each line is seen: those of one kind come once a minute.
      let now = Date.UTC(2026, 0, 1);
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: way.transport(), logger: { warn: log, error: log }, clock: () => (now += 60_001) },
      });
      const events = collectEvents(app);
      let taken = 0;

      const property = fc.asyncProperty(value, async (sent) => {
        fc.pre(!isToken(sent) && !isOther(way, sent));
        lines.length = events.length = 0;
        const answer = await rawGet(app.url, '/views', linesOf(way.send(sent)));
        expect(store.calls).toEqual([]);
        if (answer.status === 200) {
          taken++;
          expect(answer.body).toContain('{"views":0}');
          expect(answer.bytes).not.toMatch(/set-cookie|x-auth-token:|ticket:/i);
          expect(events).toEqual([{ type: 'input_validation_fail', transport: way.name }]);
          expect(lines).toEqual([expect.stringMatching(/^input_validation_fail [\x20-\x7e]*$/)]);
        } else {
          // The parser of HTTP refused it: nothing of ours has run.
          expect([answer.status, events, lines]).toEqual([400, [], []]);
        }
        const told = `${answer.bytes}${JSON.stringify(events)}${lines.join()}`;
        if (sent.trim().length > 8) expect(told).not.toContain(sent.trim());
      });

      await fc.assert(property, { numRuns: 200, examples: HOSTILE.map((sent) => [sent]) });
      expect(taken).toBeGreaterThan(HOSTILE.length / 2);
    },
    60_000,
  );

  it.each(WAYS.map((way) => [way.title, way] as const))(
    'H3: a token that is folded into two lines is none: %s',
    async (_title, way) => {
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: way.transport() },
      });
      const token = way.received(await call(app.url, '/views', { method: 'POST' })) as string;
      const [line] = linesOf(way.send(token)) as [string];
      expect((await rawGet(app.url, '/views', [line])).body).toContain('{"views":1}');
      store.calls.length = 0;
      const middle = line.indexOf(token) + 20;

      for (const fold of ['\r\n ', '\r\n\t', '\n ', '\r', '\n']) {
        const answer = await rawGet(app.url, '/views', [line.slice(0, middle) + fold + line.slice(middle)]);
        expect(answer.body).not.toContain('{"views":1}');
        expect([200, 400]).toContain(answer.status);
      }
      expect(store.calls).toEqual([]);
    },
  );

  it.each(WAYS.map((way) => [way.title, way] as const))(
    'H1, H4: a write after a refused or unknown token gets a token that was not sent: %s',
    async (_title, way) => {
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { transport: way.transport() },
      });
      for (const sent of [TOKEN, TOKEN.slice(1), `${TOKEN}=`, 'constructor']) {
        const written = await call(app.url, '/views', { method: 'POST', headers: way.send(sent) });
        expect([written.status, written.json()]).toEqual([201, { views: 1 }]);
        expect(way.received(written)).toMatch(/^[\w-]{43}$/);
        expect(way.received(written)).not.toBe(sent);
        expect((await call(app.url, '/views', { headers: way.send(sent) })).json()).toEqual({ views: 0 });
      }
    },
  );

  it.each(WAYS.map((way) => [way.title, way] as const))(
    'H24: expired and destroyed tokens are answered as unknown ones, byte by byte; a rotated one is anonymous: %s',
    async (_title, way) => {
      const clock = new TestClock();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { transport: way.transport(), clock: clock.now },
      });
      const begin = async (): Promise<string> =>
        way.received(await call(app.url, '/views', { method: 'POST' })) as string;
      const expired = await begin();
      clock.advance('30m');
      const destroyed = await begin();
      await call(app.url, '/session', { method: 'DELETE', headers: way.send(destroyed) });
      const rotated = await begin();
      await call(app.url, '/renew', { method: 'POST', headers: way.send(rotated) });
      const see = async (token: string): Promise<string> =>
        (await rawGet(app.url, '/views', linesOf(way.send(token)))).bytes.replace(/^Date: .*$/m, '');

      const unknown = await see(TOKEN);
      expect(unknown).toContain('{"views":0}');
      for (const token of [expired, destroyed, rotated]) expect(await see(token)).toBe(unknown);
      const written = await call(app.url, '/views', { method: 'POST', headers: way.send(rotated) });
      expect([written.status, way.received(written)]).toEqual([401, undefined]);
    },
  );
});
