import { jest } from '@jest/globals';
import fc from 'fast-check';
import { delay, filter, map, mergeMap, share, tap, type Observable } from 'rxjs';
import { TestClock } from '../test/support/clock.js';
import { SessionEvents, type SessionEvent } from './session.events.js';

const CREATED: SessionEvent = { type: 'session_created', id: 'a' };
const MINUTE = 60_000;

function corrupt(reason: string): SessionEvent {
  return { type: 'record_corrupt', id: 'a', reason };
}

function setUp(): { events: SessionEvents; lines: string[]; clock: TestClock } {
  const clock = new TestClock();
  const lines: string[] = [];
  const logger = {
    warn: (line: string) => lines.push(`warn ${line}`),
    error: (line: string) => lines.push(`error ${line}`),
  };
  return { events: new SessionEvents(logger, clock.now), lines, clock };
}

/** What no line may hold: it would end the line, steer a terminal, show text in another order, or show nothing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;

/** Text with all that is not to reach a terminal as it is. */
const hostileText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      ...Array.from(
        '\r\n\t\0\u001b\u007f\u0085\u009b\u2028\u2029\u200b\u202a\u202e\u2066\u2069\ufeff\u3164\u034f\ufe0f\u{e0100}\ud800\udfff"\\= ()…',
      ),
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 300,
});

/** The fields of a line, as a log processor finds them. */
function fieldsOf(line: string): Record<string, string> {
  const [type = ''] = /^\w+ \w+/.exec(line) ?? [];
  const fields: Record<string, string> = { type };
  const rest = line.slice(type.length).replace(/ (\w+)=(?:"((?:[^"\\]|\\.)*)"|([\w.:/@+-]+))/gu, (_all, ...found) => {
    const [name, quoted, plain] = found as [string, string | undefined, string | undefined];
    fields[name] = plain ?? (JSON.parse(`"${String(quoted)}"`) as string);
    return '';
  });
  expect(rest).toBe('');
  return fields;
}

function kindsOf(events: SessionEvents): { size: number } {
  return (events as unknown as { log: { kinds: Map<string, unknown> } }).log.kinds;
}

function fail(): never {
  throw new Error('a fault of the subscriber');
}

describe('events', () => {
  // rxjs throws what a subscriber threw from a timer, where it ends the process.
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => {
    jest.runAllTimers();
    jest.useRealTimers();
  });

  it('reach every subscriber, in order, until it unsubscribes', () => {
    const { events } = setUp();
    const [first, second]: [SessionEvent[], SessionEvent[]] = [[], []];
    const subscription = events.stream.subscribe((event) => first.push(event));
    events.stream.subscribe({ next: (event) => second.push(event) });
    events.emit(CREATED);
    subscription.unsubscribe();
    events.emit(corrupt('x'));
    expect(first).toEqual([CREATED]);
    expect(second).toEqual([CREATED, corrupt('x')]);
  });

  it('that happen before anyone subscribes are not kept', () => {
    const { events } = setUp();
    events.emit(CREATED);
    const seen: SessionEvent[] = [];
    events.stream.subscribe((event) => seen.push(event));
    expect(seen).toEqual([]);
  });

  it.each<[string, (stream: Observable<SessionEvent>) => unknown]>([
    ['a function', (stream) => stream.subscribe(fail)],
    ['an observer', (stream) => stream.subscribe({ next: fail })],
    ['an observer whose error handler throws too', (stream) => stream.pipe(map(fail)).subscribe({ error: fail })],
    ['a subscriber behind map', (stream) => stream.pipe(map(({ type }) => type)).subscribe(fail)],
    [
      'a subscriber behind several operators',
      (stream) =>
        stream
          .pipe(
            filter(() => true),
            map(String),
            tap(),
          )
          .subscribe(fail),
    ],
    ['a subscriber behind share', (stream) => stream.pipe(share()).subscribe(fail)],
    ['a subscriber behind mergeMap', (stream) => stream.pipe(mergeMap((event) => [event, event])).subscribe(fail)],
    ['a subscriber behind delay', (stream) => stream.pipe(delay(5)).subscribe(fail)],
    ['an operator without an error handler behind it', (stream) => stream.pipe(tap(fail)).subscribe()],
    ['forEach', (stream) => stream.forEach(fail).catch(() => undefined)],
  ])('law 12: a fault of %s harms neither who emits nor other subscribers nor the process', (_name, subscribe) => {
    const { events } = setUp();
    const seen: SessionEvent[] = [];
    subscribe(events.stream);
    events.stream.subscribe((event) => seen.push(event));
    events.emit(CREATED);
    events.emit(CREATED);
    expect(seen).toEqual([CREATED, CREATED]);
    jest.runAllTimers();
  });

  it('law 12: a subscriber that throws once goes on to get events', () => {
    const { events } = setUp();
    let calls = 0;
    events.stream.pipe(map((event) => event)).subscribe(() => {
      calls++;
      fail();
    });
    events.emit(CREATED);
    events.emit(CREATED);
    expect(calls).toBe(2);
  });

  it('a subscriber may subscribe, unsubscribe and cause events while it gets one', () => {
    const { events } = setUp();
    const seen: string[] = [];
    const subscription = events.stream.subscribe(({ type }) => {
      seen.push(type);
      subscription.unsubscribe();
      events.stream.subscribe((event) => seen.push(`inner ${event.type}`));
      events.emit(corrupt('x'));
    });
    events.emit(CREATED);
    expect(seen).toContain('session_created');
    expect(seen).toContain('inner record_corrupt');
  });
});

it('law 12: an asynchronous subscriber that fails does not end the process', async () => {
  const { events } = setUp();
  const audit = (): unknown => Promise.reject(new Error('a fault of the subscriber'));
  events.stream.subscribe(audit);
  events.emit(CREATED);
  // A rejection that nobody handles is reported by now, which fails the test.
  await new Promise(setImmediate);
});

describe('log', () => {
  it('has no line for what is everyday', () => {
    const { events, lines } = setUp();
    events.emit(CREATED);
    events.emit({ type: 'session_renewed', id: 'b', previousId: 'a' });
    events.emit({ type: 'session_destroyed', id: 'b' });
    events.emit({ type: 'session_expired', id: 'b', limit: 'idle', reason: 'x' });
    events.emit({ type: 'token_unknown', id: 'b' });
    expect(lines).toEqual([]);
  });

  it('ASVS 16.2.4: a line names the event, then its fields as a log processor reads them', () => {
    const { events, lines } = setUp();
    events.emit(corrupt('it is not JSON'));
    events.emit({ type: 'store_failed', operation: 'load', reason: 'ECONNREFUSED' });
    events.emit({ type: 'data_refused', id: undefined, reason: 'a BigInt at "n"' });
    events.emit({ type: 'write_refused', id: 'b', reason: '' });
    expect(lines).toEqual([
      'error record_corrupt id=a reason="it is not JSON"',
      'error store_failed operation=load reason=ECONNREFUSED',
      'error data_refused reason="a BigInt at \\"n\\""',
      'warn write_refused id=b reason=""',
    ]);
  });

  it('law 12: writes one line of a kind per minute; the next one says how many were left out', () => {
    const { events, lines, clock } = setUp();
    for (let n = 0; n < 1_000; n++) events.emit(corrupt(String(n)));
    clock.advance(MINUTE - 1);
    events.emit(corrupt('still the first minute'));
    expect(lines).toEqual(['error record_corrupt id=a reason=0']);
    clock.advance(1);
    events.emit(corrupt('later'));
    expect(lines[1]).toBe('error record_corrupt id=a reason=later (1000 more since the last line)');
    clock.advance(MINUTE);
    events.emit(corrupt('later still'));
    expect(lines[2]).toBe('error record_corrupt id=a reason="later still"');
  });

  it('law 12: lines of different kinds, and different notices, do not hide each other', () => {
    const { events, lines } = setUp();
    events.emit(corrupt('x'));
    events.emit({ type: 'session_evicted', id: 'a', reason: 'full' });
    events.emit({ type: 'store_notice', reason: 'one' });
    events.emit({ type: 'store_notice', reason: 'two' });
    expect(lines).toHaveLength(4);
  });

  it('C46: goes on when the clock is put back an hour', () => {
    const { events, lines, clock } = setUp();
    events.emit(corrupt('x'));
    clock.advance(-60 * MINUTE);
    events.emit(corrupt('y'));
    expect(lines).toHaveLength(2);
  });

  it('law 12: 10,000 events of a kind are one line, and hide no other kind', () => {
    const { events, lines, clock } = setUp();
    for (let n = 0; n < 10_000; n++) events.emit({ type: 'input_validation_fail', transport: 'header' });
    events.emit(corrupt('x'));
    expect(lines).toEqual(['warn input_validation_fail transport=header', 'error record_corrupt id=a reason=x']);
    clock.advance(MINUTE);
    events.emit({ type: 'input_validation_fail', transport: 'header' });
    expect(lines[2]).toBe('warn input_validation_fail transport=header (9999 more since the last line)');
  });

  it('law 12: notices that vary without end stay bounded in lines and memory, and hide no other kind', () => {
    const { events, lines, clock } = setUp();
    const notify = (from: number): void => {
      for (let n = from; n < from + 5_000; n++) events.emit({ type: 'store_notice', reason: `notice ${String(n)}` });
    };
    notify(0);
    events.emit(corrupt('x'));
    expect(lines.length).toBeLessThan(150);
    expect(lines.at(-1)).toBe('error record_corrupt id=a reason=x');
    const { size } = kindsOf(events);
    clock.advance(MINUTE);
    notify(5_000);
    // What is a minute old makes room: new notices are told, too.
    expect(lines.filter((line) => /notice 5\d{3}/.test(line)).length).toBeGreaterThan(50);
    expect(kindsOf(events).size).toBeLessThanOrEqual(size);
    expect(size).toBeLessThan(150);
  });

  it('law 12: nothing is made of an event that no line and no subscriber is to have', () => {
    const { events } = setUp();
    events.emit(corrupt('x'));
    const unreadable = { type: 'record_corrupt' as const, id: 'a', reason: 'y' };
    for (const name of ['id', 'reason']) Object.defineProperty(unreadable, name, { get: fail, enumerable: true });
    expect(() => {
      events.emit(unreadable);
    }).not.toThrow();
  });

  it.each([
    ['CR and LF', 'a\r\nerror record_corrupt id=forged'],
    ['line separators', 'a\u2028b\u2029c\u0085d'],
    ['escape codes of terminals', '\u001b[2J\u001b[31mred\u0007\u009b2J'],
    ['NUL, tab and backspace', '\u0000\t\b'],
  ])('ASVS 16.x, H21: is one line without control characters, whatever an error says: %s', (_name, reason) => {
    const { events, lines } = setUp();
    events.emit(corrupt(reason));
    events.emit({ type: 'input_validation_fail', transport: reason });
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  });

  it.each([
    ['a Hangul filler', '\u3164'],
    ['a Hangul choseong filler', '\u115f'],
    ['a combining grapheme joiner', '\u034f'],
    ['a variation selector', '\ufe0f'],
    ['a Mongolian variation selector', '\u180b'],
    ['a variation selector of another plane', '\u{e0100}'],
    ['a tag', '\u{e0041}'],
    ['a blank of no width', '\u200b'],
  ])('ASVS 16.4.1: two users are told apart in a log when all they differ in can not be seen: %s', (_name, unseen) => {
    const { events, lines } = setUp();
    events.emit({ type: 'authn_login_fail', userId: `ada${unseen}`, reason: 'x' });
    expect(lines).toEqual([
      expect.stringMatching(/^warn authn_login_fail userId="ada(?:\\u[0-9a-f]{4}){1,2}" reason=x$/),
    ]);
    expect(fieldsOf(lines[0] as string)['userId']).toBe(`ada${unseen}`);
  });

  it.each([
    'Ådne Ñuñez',
    'Ελένη',
    'Юлия',
    'שרה',
    'فاطمة',
    'हिन्दी',
    'தமிழ்',
    'ภาษาไทย',
    '한국어',
    '日本語 カ゛',
    'Việt',
    '🙂',
  ])('ASVS 16.4.1: a name stays readable in a log: %s', (name) => {
    const { events, lines } = setUp();
    events.emit({ type: 'authn_login_fail', userId: name, reason: 'x' });
    expect(lines).toEqual([`warn authn_login_fail userId="${name}" reason=x`]);
  });

  it.each([
    ['a user id', 'a type=authn_login_success'],
    ['quotes', 'a" userId="b'],
    ['a backslash at the end', 'a\\'],
    ['a backslash and quotes', 'a\\" type="b'],
    ['brackets as of a count', 'a (9 more since the last line)'],
  ])('ASVS 16.4.1: %s can not look like another field', (_name, hostile) => {
    const { events, lines } = setUp();
    events.emit({ type: 'authn_login_fail', userId: hostile, reason: hostile });
    expect(lines.map(fieldsOf)).toEqual([{ type: 'warn authn_login_fail', userId: hostile, reason: hostile }]);
  });

  it('ASVS 16.4.1: whatever text a value is, a line is printable, bounded, and gives the value back', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (userId, reason) => {
        const { events, lines } = setUp();
        events.emit({ type: 'authn_login_fail', userId, reason });
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(UNPRINTABLE);
        expect(lines[0]?.length).toBeLessThan(2_100);
        const told = fieldsOf(lines[0] as string);
        expect(Object.keys(told)).toEqual(['type', 'userId', 'reason']);
        for (const [name, text] of Object.entries({ userId, reason })) {
          const shown = told[name] ?? '';
          // One that is cut ends in an ellipsis, and is what it was up to there.
          if (shown !== text) expect([shown.endsWith('…'), text.startsWith(shown.slice(0, -1))]).toEqual([true, true]);
        }
      }),
    );
  });

  it('ASVS 16.4.1: a reason of 10 MB is cut', () => {
    const { events, lines } = setUp();
    events.emit(corrupt('\u001b'.repeat(10_000_000)));
    expect(lines[0]?.length).toBeLessThan(1_100);
    expect(lines[0]).toMatch(/…"$/);
  });

  it.each<[string, () => unknown]>([
    ['throws', fail],
    ['rejects', () => Promise.reject(new Error('a fault of the logger'))],
    [
      'gives a promise of its own that rejects',
      () => ({
        then: (_: unknown, no: () => void) => {
          no();
        },
      }),
    ],
  ])('law 12: a logger that %s harms nobody', async (_name, write) => {
    const events = new SessionEvents({ warn: write, error: write }, Date.now);
    const seen: SessionEvent[] = [];
    events.stream.subscribe((event) => seen.push(event));
    expect(() => {
      events.emit(corrupt('x'));
    }).not.toThrow();
    // A rejection that nobody handles is reported by now, which fails the test.
    await new Promise(setImmediate);
    expect(seen).toHaveLength(1);
  });

  it('law 12: a subscriber that changes an event does not change its line', () => {
    const { events, lines } = setUp();
    events.stream.subscribe((event) => Object.assign(event, { reason: 'forged' }));
    events.emit(corrupt('x'));
    expect(lines).toEqual(['error record_corrupt id=a reason=x']);
  });
});
