import fc from 'fast-check';
import { createHash } from 'node:crypto';
import type { SessionTransport } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { BEARER, COOKIE, HEADER, type Carrier } from '../support/carriers.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type Platform, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import { linesOf, rawGet } from './support/raw-request.js';
import { OWN, SIGNED, TOGETHER, WAYS, signed } from './support/ways.js';

const UNKNOWN = 'A'.repeat(43);
const INVALID = 'input_validation_fail';

/** What a request that stood for one session, or for nobody, has left behind. */
interface Seen {
  readonly body: string;
  readonly calls: readonly string[];
  readonly events: readonly string[];
}

/** An application with three sessions that have 1, 2 and 3 views. */
class Ground {
  readonly tokens: string[] = [];
  private readonly types: string[] = [];

  private constructor(
    readonly app: RunningApp,
    readonly store: ProbedStore,
  ) {}

  static async start(platform: Platform, carriers: readonly Carrier[]): Promise<Ground> {
    const store = new ProbedStore();
    const transport: SessionTransport[] = carriers.map((carrier) => carrier.transport());
    const app = await startApp(platform, { controllers: [CounterController], session: { store, transport } });
    const ground = new Ground(app, store);
    const [first] = carriers as [Carrier];
    for (let views = 1; views <= 3; views++) {
      let token: string | undefined;
      for (let view = 0; view < views; view++) {
        const headers = token === undefined ? {} : first.send(token);
        token ??= first.received(await call(app.url, '/views', { method: 'POST', headers }));
        if (view > 0) await call(app.url, '/views', { method: 'POST', headers });
      }
      ground.tokens.push(token as string);
    }
    collectEvents(app).push = (event) => ground.types.push(event.type);
    return ground;
  }

  /** One GET by these header lines. */
  async see(lines: readonly string[]): Promise<Seen> {
    this.store.calls.length = this.types.length = 0;
    const { status, bytes, body } = await rawGet(this.app.url, '/views', lines);
    // A request that only reads is never told a token, whoever it is.
    expect([status, bytes]).toEqual([200, expect.not.stringMatching(/set-cookie|x-auth-token:|ticket:/i)]);
    return { body: /\{.*\}/.exec(body)?.[0] ?? body, calls: [...this.store.calls], events: [...this.types] };
  }
}

const views = (count: number): string => JSON.stringify({ views: count });
const NONE: Seen = { body: views(0), calls: [], events: [INVALID] };
const opened = (count: number): Seen => ({ body: views(count), calls: ['load'], events: [] });

describe.each(PLATFORMS)('ambiguous tokens on %s', (platform) => {
  afterEach(closeApps);

  describe.each([
    ['cookie', COOKIE, '__Host-sid', (token: string): string => token],
    ['signed cookie', SIGNED, 'connect.sid', (token: string): string => signed(token)],
  ] as const)('%s', (_title, carrier, name, valueOf) => {
    it('H7: the name twice or more with different values is none, wherever they stand', async () => {
      const ground = await Ground.start(platform, [carrier]);
      const [one, two] = ground.tokens as [string, string];
      const pair = fc.oneof(
        fc.constantFrom(...[one, two, UNKNOWN].map((token) => `${name}=${valueOf(token)}`)),
        fc.constantFrom(`${name}=`, `${name}=x`, `${name}=%`, `a=b`, name, `=`, `x${name}=${valueOf(one)}`),
      );
      const lines = fc.array(fc.array(pair, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });
      const property = fc.asyncProperty(lines, async (cookies) => {
        const values = cookies.flat().filter((sent) => sent.startsWith(`${name}=`));
        const distinct = [...new Set(values)];
        fc.pre(distinct.length > 1 && !(carrier === SIGNED && distinct.every((sent) => /=%?$/.test(sent))));
        expect(await ground.see(cookies.map((pairs) => `Cookie: ${pairs.join('; ')}`))).toEqual(NONE);
      });
      await fc.assert(property, {
        numRuns: 150,
        examples: [
          [[[`${name}=${valueOf(one)}`, `${name}=${valueOf(two)}`]]],
          [[[`${name}=${valueOf(one)}`], [`${name}=${valueOf(two)}`]]],
          [[[`${name}=${valueOf(one)}`], ['a=b'], [`${name}=`]]],
        ],
      });
      expect(await ground.see([`Cookie: ${name}=${valueOf(two)}; a=b; ${name}=${valueOf(two)}`])).toEqual(opened(2));
    });

    it('H16, H17: 200 cookies, those of the prototype among them, hide none and add none', async () => {
      const ground = await Ground.start(platform, [carrier]);
      const own = `${name}=${valueOf(ground.tokens[2] as string)}`;
      const many = Array.from({ length: 197 }, (_, index) => `cookie-${String(index)}=value`);
      const names = ['__proto__=x', 'constructor=y', 'toString=z'];
      for (const at of [0, 100, 200]) {
        const cookies = [...names, ...many];
        cookies.splice(at, 0, own);
        expect(await ground.see([`Cookie: ${cookies.join('; ')}`])).toEqual(opened(3));
        expect(await ground.see(cookies.map((pair) => `Cookie: ${pair}`))).toEqual(opened(3));
      }
      expect(await ground.see([`Cookie: ${[...names, ...many].join('; ')}`])).toEqual({ ...NONE, events: [] });
      expect(await ground.see([`Cookie: ${Array(200).fill(`${name}=x`).join('; ')}`])).toEqual(NONE);
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    });
  });

  it('H8: more than one line of Authorization is none, whatever they hold and however the name is written', async () => {
    const ground = await Ground.start(platform, [BEARER, COOKIE]);
    const [one, two, three] = ground.tokens as [string, string, string];
    const name = fc.constantFrom('Authorization', 'authorization', 'AUTHORIZATION', 'aUtHoRiZaTiOn');
    const credentials = fc.constantFrom(`Bearer ${one}`, `bearer ${two}`, 'Bearer', 'Basic dXNlcjpwYXNz', '', 'x');
    const line = fc.tuple(name, credentials).map(([header, sent]) => `${header}: ${sent}`);
    const property = fc.asyncProperty(
      fc.array(line, { minLength: 2, maxLength: 4 }),
      fc.boolean(),
      async (lines, withCookie) => {
        const cookie = withCookie ? linesOf(COOKIE.send(three)) : [];
        expect(await ground.see([...lines, ...cookie])).toEqual(NONE);
        expect(await ground.see([...cookie, ...lines])).toEqual(NONE);
      },
    );
    await fc.assert(property, { numRuns: 80 });
    expect(await ground.see(linesOf(BEARER.send(one)))).toEqual(opened(1));
  });

  it.each([
    ['header X-Auth-Token', HEADER],
    ['bearer', BEARER],
    ['own transport', OWN],
  ] as const)('H9: two tokens in one value or in two lines are none, the same one twice too: %s', async (_t, way) => {
    const ground = await Ground.start(platform, [way]);
    const [one, two] = ground.tokens as [string, string];
    const [sent] = linesOf(way.send('@')) as [string];
    for (const other of [two, one, UNKNOWN, '', 'x']) {
      for (const comma of [', ', ',', ' ', ';']) {
        // What is blank at the end of a line belongs to no value.
        if (`${comma}${other}`.trim() === '') continue;
        expect(await ground.see([sent.replace('@', `${one}${comma}${other}`)])).toEqual(NONE);
      }
      for (const pair of [
        [one, other],
        [other, one],
      ]) {
        expect(await ground.see(pair.map((token) => sent.replace('@', token)))).toEqual(NONE);
      }
    }
    expect(await ground.see([sent.replace('@', one)])).toEqual(opened(1));
  });

  it('H10, H11: of several tokens one place decides: explicit ones by their order, then the cookie; never merged', async () => {
    const place = fc.constantFrom('absent', 'first', 'second', 'third', 'unknown', 'malformed');
    const plan = fc.record({
      order: fc.shuffledSubarray([...TOGETHER], { minLength: TOGETHER.length }),
      places: fc.tuple(place, place, place, place),
      otherScheme: fc.boolean(),
    });
    const grounds = new Map<string, Ground>();
    const property = fc.asyncProperty(plan, async ({ order, places, otherScheme }) => {
      const key = order.map(({ name }) => name).join();
      const ground = grounds.get(key) ?? (await Ground.start(platform, order));
      grounds.set(key, ground);
      const [one, two, three] = ground.tokens as [string, string, string];
      const sent = { absent: undefined, first: one, second: two, third: three, unknown: UNKNOWN, malformed: 'x' };
      const placed = order.map((carrier, index) => ({ carrier, what: places[index] as keyof typeof sent }));
      const lines = placed.flatMap(({ carrier, what }) => {
        const token = sent[what];
        if (token !== undefined) return linesOf(carrier.send(token));
        // Another scheme is as good as none.
        return carrier === BEARER && otherScheme ? ['Authorization: Basic dXNlcjpwYXNz'] : [];
      });

      const seen = await ground.see(lines);

      const present = placed.filter(({ what }) => what !== 'absent');
      const decides = present.find(({ carrier }) => carrier !== COOKIE) ?? present[0];
      switch (decides?.what ?? 'absent') {
        case 'absent':
          expect(seen).toEqual({ body: views(0), calls: [], events: [] });
          break;
        case 'malformed':
          expect(seen).toEqual(NONE);
          break;
        case 'unknown':
          expect(seen).toEqual({ body: views(0), calls: ['load'], events: ['token_unknown'] });
          break;
        default:
          expect(seen).toEqual(opened(['first', 'second', 'third'].indexOf(decides?.what as string) + 1));
      }
    });
    await fc.assert(property, { numRuns: 250 });
  }, 60_000);

  it('H10: the session that does not decide is neither loaded, nor touched, written or ended', async () => {
    const ground = await Ground.start(platform, [HEADER, BEARER, COOKIE]);
    const [one, two] = ground.tokens as [string, string];
    const other = createHash('sha256').update(two).digest('base64url');
    const before = await ground.store.inner.load(other);
    expect(before).toBeDefined();
    for (const explicit of [HEADER, BEARER]) {
      const headers = { ...explicit.send(one), ...COOKIE.send(two) };
      const written = await call(ground.app.url, '/views', { method: 'POST', headers });
      expect([written.status, written.cookies]).toEqual([201, []]);
      expect(await ground.store.inner.load(other)).toEqual(before);
    }
    const ended = await call(ground.app.url, '/session', {
      method: 'DELETE',
      headers: { ...HEADER.send(one), ...COOKIE.send(two) },
    });
    // It is cleared where it came from; the cookie of the other session stays with its client.
    expect([ended.token, ended.cookies]).toEqual(['', []]);
    expect(await ground.see(linesOf(COOKIE.send(two)))).toEqual(opened(2));
    expect((await ground.see(linesOf(HEADER.send(one)))).body).toBe(views(0));
  });

  it.each(WAYS.map((way) => [way.title, way] as const))(
    'H20: what other middleware makes of the request is not looked at: %s',
    async (_title, way) => {
      const ground = await Ground.start(platform, [way]);
      const token = ground.tokens[0] as string;
      for (const planted of [token, [token], { value: token }, { length: 43, toString: () => token }, null]) {
        const store = new ProbedStore(ground.store.inner);
        const app = await startApp(platform, {
          controllers: [CounterController],
          session: { store, transport: way.transport() },
          prepare: (nest) => {
            nest.use((request: Record<string, unknown>, _response: unknown, next: () => void) => {
              const named = Object.fromEntries(
                ['sid', '__Host-sid', 'connect.sid', 'token', 'x-auth-token', 'ticket'].map((name) => [name, planted]),
              );
              for (const place of ['cookies', 'signedCookies', 'body', 'params', 'auth']) request[place] = named;
              Object.assign(request, { token: planted, sessionID: planted, sessionId: planted });
              next();
            });
          },
        });
        const answer = await call(app.url, '/views');
        expect([answer.status, answer.json(), store.calls]).toEqual([200, { views: 0 }, []]);
      }
    },
  );
});
