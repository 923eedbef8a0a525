import { jest } from '@jest/globals';
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
    events.emit({ type: 'session_expired', id: 'b', reason: 'x' });
    events.emit({ type: 'token_unknown', id: 'b' });
    expect(lines).toEqual([]);
  });

  it('ASVS 16.x: a line names the event, the session and the reason', () => {
    const { events, lines } = setUp();
    events.emit(corrupt('it is not JSON'));
    events.emit({ type: 'store_failed', operation: 'load', reason: 'ECONNREFUSED' });
    events.emit({ type: 'data_refused', id: undefined, reason: 'a BigInt at "n"' });
    events.emit({ type: 'write_refused', id: 'b', reason: 'it has ended' });
    expect(lines).toEqual([
      'error record_corrupt id=a it is not JSON',
      'error store_failed operation=load ECONNREFUSED',
      'error data_refused a BigInt at "n"',
      'warn write_refused id=b it has ended',
    ]);
  });

  it('law 12: writes one line of a kind per minute; the next one says how many were left out', () => {
    const { events, lines, clock } = setUp();
    for (let n = 0; n < 1_000; n++) events.emit(corrupt(String(n)));
    clock.advance(MINUTE - 1);
    events.emit(corrupt('still the first minute'));
    expect(lines).toEqual(['error record_corrupt id=a 0']);
    clock.advance(1);
    events.emit(corrupt('later'));
    expect(lines[1]).toBe('error record_corrupt id=a later (1000 more since the last line)');
    clock.advance(MINUTE);
    events.emit(corrupt('later still'));
    expect(lines[2]).toBe('error record_corrupt id=a later still');
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

  it('law 12: a logger that throws harms nobody', () => {
    const events = new SessionEvents({ warn: fail, error: fail }, Date.now);
    expect(() => {
      events.emit(corrupt('x'));
    }).not.toThrow();
  });
});
