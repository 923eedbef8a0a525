import { bearer } from './transports/bearer.transport.js';
import { header } from './transports/header.transport.js';
import { resolveOptions, SESSION_OPTION_NAMES } from './session.options.js';

const HOUR = 3_600_000;

/** What came in from JavaScript or the environment, whatever the types say. */
function resolve(options: Record<string, unknown>): ReturnType<typeof resolveOptions> {
  return resolveOptions(options);
}

describe('options', () => {
  it('ASVS 7.1.1: the limits are finite without any option', () => {
    expect(resolveOptions()).toMatchObject({
      idleTimeout: HOUR / 2,
      absoluteTimeout: 12 * HOUR,
      touchInterval: HOUR / 20,
      storeTimeout: 2_000,
      maxBytes: 64 * 1024,
      onStoreError: 'fail',
      transports: [{ name: 'header X-Auth-Token' }],
    });
  });

  it.each(['idleTimeout', 'absoluteTimeout', 'touchInterval', 'storeTimeout'])(
    'ASVS 7.1.1, C48: %s takes a finite, positive, whole number of ms or text that says it',
    (name) => {
      const wrong = [0, -1, 0.5, NaN, Infinity, -Infinity, 2 ** 53, 5n, true, [], {}, new Date(), () => 1];
      const wrongTexts = ['', '0', '-5m', '0.5ms', 'soon', '30 parsecs', '5,5m', 'Infinity', '999999999y'];
      for (const value of [...wrong, ...wrongTexts]) {
        expect(() => resolve({ [name]: value })).toThrow(
          expect.objectContaining({
            code: 'INVALID_OPTION',
            message: expect.stringMatching(new RegExp(`option ${name}: takes a whole number of ms .* got `)),
          }) as Error,
        );
      }
    },
  );

  it.each(SESSION_OPTION_NAMES)('refuses null for %s: no default stands in for a value that is wrong', (name) => {
    expect(() => resolve({ [name]: null })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(new RegExp(`option ${name}: .* got null`)) }) as Error,
    );
  });

  it.each(SESSION_OPTION_NAMES)('takes undefined for %s as not given', (name) => {
    expect(() => resolve({ [name]: undefined })).not.toThrow();
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['an unknown option', { idleTimout: '30m' }, /option idleTimout: .*one of .*idleTimeout.*no such option/],
    ['an option of express-session', { resave: true }, /option resave: .*only changes are stored; .*no such option/],
    [
      'an idle limit beyond the default of the other',
      { idleTimeout: '30d' },
      /at most absoluteTimeout, which is '12h' by default: set that, too; got '30d'/,
    ],
    ['idleTimeout beyond absoluteTimeout', { idleTimeout: '13h' }, /option idleTimeout: .*absoluteTimeout.*'13h'/],
    [
      'touchInterval of idleTimeout',
      { idleTimeout: 10, touchInterval: 10 },
      /option touchInterval: .*less than idleTimeout.*10/,
    ],
    ['idleTimeout too short to be told from a touch', { idleTimeout: 1 }, /option idleTimeout: /],
    ['storeTimeout beyond what timers take', { storeTimeout: '30d' }, /option storeTimeout: .*24 days.*'30d'/],
    ['maxBytes as text', { maxBytes: '64kb' }, /option maxBytes: .*whole number of bytes.*'64kb'/],
    ['maxBytes of nothing', { maxBytes: 0 }, /option maxBytes: .*got 0/],
    ['maxBytes without end', { maxBytes: Infinity }, /option maxBytes: .*got Infinity/],
    ['onStoreError', { onStoreError: 'ignore' }, /option onStoreError: .*'fail' or 'anonymous'.*'ignore'/],
    ['exclude as text', { exclude: '/health' }, /option exclude: .*list of paths.*'\/health'/],
    ['exclude without a slash', { exclude: ['/a', 'health'] }, /option exclude: .*begin with '\/'.*health/],
    ['exclude with a RegExp', { exclude: [/health/] }, /option exclude: /],
    ['codec without decode', { codec: { encode: () => '' } }, /option codec: .*encode and decode.*an object/],
    ['logger without error', { logger: { warn: () => 1 } }, /option logger: .*warn and error/],
    ['logger: false', { logger: false }, /option logger: .*got false/],
    ['clock', { clock: 5 }, /option clock: .*function.*got 5/],
    [
      'transport as text',
      { transport: 'cookie' },
      /option transport: .*header\(\), bearer\(\) or cookie\(\).*'cookie'/,
    ],
    ['transport as a number', { transport: 42 }, /option transport: .*got 42/],
    ['transport as a function not called', { transport: header }, /option transport: /],
    ['no transport', { transport: [] }, /option transport: .*got \[\]/],
    [
      'a transport twice',
      { transport: [header('A'), header('a')] },
      /option transport: takes each transport once; got 'header a'/,
    ],
    ['a list with something else', { transport: [header(), null] }, /option transport: .*header\(\).*got null/],
    [
      'a plan without a list',
      { transport: { accept: header() } },
      /option transport: .*\{ accept, issue \}.*an object/,
    ],
    [
      'a plan with a misspelt option',
      { transport: { accept: [bearer()], isue: () => bearer() } },
      /option transport\.isue: takes \{ accept, issue \}; got 'no such option'/,
    ],
    [
      'a plan whose issue is no function',
      { transport: { accept: [bearer()], issue: bearer() } },
      /option transport\.issue: .*function/,
    ],
    ['a transport that is none', { transport: { name: 'x' } }, /option transport: .*header\(\).*got an object/],
    ...['read', 'clear'].map((method): [string, Record<string, unknown>, RegExp] => [
      `a transport without ${method}`,
      { transport: { ...header(), [method]: undefined } },
      /option transport: .*header\(\).*got an object/,
    ]),
    ['a transport without a name', { transport: { ...header(), name: '' } }, /option transport: .*a name; got ''/],
    [
      'a transport whose name is no text',
      { transport: { ...header(), name: 5 } },
      /option transport: takes transports with a name; got 5/,
    ],
    [
      'a transport that names no header for Vary',
      { transport: { ...header('X-Token'), vary: undefined } },
      /option transport: takes the request header that decides, in the vary of header X-Token; got undefined/,
    ],
    ['store as a number', { store: 42 }, /option store: .*get, set and destroy.*got 42/],
    [
      'store without destroy',
      { store: { get: () => 1, set: () => 1 } },
      /option store: .*destroy.*got an object with get, set/,
    ],
    ['store as a class', { store: class RedisStore {} }, /option store: .*the class RedisStore/],
  ])('refuses %s with the name, what came and what it takes', (_name, options, message) => {
    expect(() => resolve(options)).toThrow(
      expect.objectContaining({ name: 'SessionConfigError', message: expect.stringMatching(message) }) as Error,
    );
  });

  it.each<[string | number, number]>([
    [90_000, 90_000],
    ['90000', 90_000],
    ['500ms', 500],
    ['20s', 20_000],
    ['30m', HOUR / 2],
    ['1.5h', 1.5 * HOUR],
    ['90d', 90 * 24 * HOUR],
    ['10 minutes', HOUR / 6],
  ])('reads the duration %j as %d ms', (value, ms) => {
    expect(resolve({ absoluteTimeout: value, idleTimeout: 10 }).absoluteTimeout).toBe(ms);
  });

  it.each<[Record<string, unknown>, number]>([
    [{ idleTimeout: '10s' }, 1_000],
    [{ idleTimeout: 2 }, 1],
    [{ idleTimeout: 19 }, 1],
    [{ idleTimeout: '1h', touchInterval: '59m' }, HOUR - 60_000],
  ])('touchInterval of %j is %d ms', (options, ms) => {
    expect(resolve(options).touchInterval).toBe(ms);
  });
});
