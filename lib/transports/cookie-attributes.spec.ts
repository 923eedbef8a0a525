import { cookie } from './cookie.transport.js';

describe('cookie(options)', () => {
  const PREFIX = 'a name without the prefix __Host-';
  const ORIGINS = "origins such as 'https://app.example.com', each in full";
  const LIBRARY = 'name, path, domain or priority';

  it.each<[title: string, options: unknown, name: string, takes: string]>([
    ['__Host- with a domain', { name: '__Host-sid', domain: 'example.com' }, 'name', PREFIX],
    ['__Host- with a path', { name: '__Host-sid', path: '/app' }, 'name', PREFIX],
    ['__Host- without secure', { name: '__Host-sid', secure: false }, 'name', PREFIX],
    ["__Host- with secure: 'auto'", { name: '__Host-sid', secure: 'auto' }, 'name', PREFIX],
    ['__host- in another case, which browsers treat alike', { name: '__HOST-x', path: '/app' }, 'name', PREFIX],
    [
      '__Secure- without secure',
      { name: '__Secure-sid', secure: false },
      'name',
      'secure: true with the prefix __Secure-',
    ],
    ["__Secure- with secure: 'auto'", { name: '__Secure-sid', secure: 'auto' }, 'name', 'secure: true'],
    ['__secure- in another case', { name: '__SECURE-sid', secure: 'auto' }, 'name', 'secure: true'],
    ['SameSite=None without secure', { sameSite: 'none', secure: false }, 'sameSite', "secure: true with 'none'"],
    ["SameSite=None with secure: 'auto'", { sameSite: 'none', secure: 'auto' }, 'sameSite', "secure: true with 'none'"],
    [
      'partitioned without secure',
      { partitioned: true, secure: false },
      'partitioned',
      'secure: true with it; got true',
    ],
    ["partitioned with secure: 'auto'", { partitioned: true, secure: 'auto' }, 'partitioned', 'secure: true with it'],
    ['an unknown sameSite', { sameSite: 'Lax' }, 'sameSite', "'lax', 'strict' or 'none'; got \"Lax\""],
    ['an unknown secure', { secure: 'true' }, 'secure', 'true, false or \'auto\'; got "true"'],
    [
      'an unknown priority',
      { priority: 'urgent' },
      LIBRARY,
      '; got {"name":"__Host-sid","path":"/","priority":"urgent"}',
    ],
    ['httpOnly that is no boolean', { httpOnly: 'false' }, 'httpOnly', 'true or false; got "false"'],
    ['persistent that is no boolean', { persistent: 0 }, 'persistent', 'true or false; got 0'],
    ['partitioned that is no boolean', { partitioned: 'yes' }, 'partitioned', 'true or false; got "yes"'],
    ['a name that is no text', { name: 5 }, 'name', 'text; got 5'],
    ['an empty name', { name: '' }, LIBRARY, '"name":""'],
    ['a name with a blank', { name: 'a b' }, LIBRARY, '"name":"a b"'],
    [
      'a name that injects (CVE-2024-47764)',
      { name: 'sid=x; Path=/evil; a' },
      LIBRARY,
      '"name":"sid=x; Path=/evil; a"',
    ],
    ['a path that injects', { path: '/; Domain=evil.example' }, LIBRARY, '"path":"/; Domain=evil.example"'],
    ['a path that is no path', { path: 'app' }, 'path', 'a path that begins with \'/\'; got "app"'],
    ['a path that is no text', { path: 5 }, 'path', 'text; got 5'],
    ['a domain that injects', { domain: 'example.com; Secure' }, LIBRARY, '"domain":"example.com; Secure"'],
    ['a domain that is no text', { domain: 5 }, 'domain', 'text; got 5'],
    [
      'an attribute that injects',
      { extra: { Future: 'x; Domain=evil.example' } },
      'extra',
      'attributes that no other option',
    ],
    ['an attribute whose name injects', { extra: { 'x; Domain': 'evil.example' } }, 'extra', 'without semicolons'],
    ['an attribute with a line break', { extra: { 'Future\r\nX': true } }, 'extra', 'and control characters'],
    [
      'an attribute whose value has a line break',
      { extra: { Future: 'x\r\nX: y' } },
      'extra',
      'got "Future=x\\r\\nX: y"',
    ],
    [
      'a name beyond 4096 bytes with its value (ASVS 3.3)',
      { name: 'n'.repeat(4054) },
      'name',
      'at most 4053 characters; got "nnnnnnnnnnnnnnnnnnnn…"',
    ],
    [
      'a lifetime, which is not the cookie’s',
      { maxAge: 1000 },
      'maxAge',
      'lifetimes are idleTimeout and absoluteTimeout; got "no such option"',
    ],
    [
      'a misspelt option',
      { samesite: 'lax' },
      'samesite',
      'one of name, secure, sameSite, httpOnly, path, domain, persistent, partitioned, priority, extra, csrf;',
    ],
    ['csrf that is no object', { csrf: 'off' }, 'csrf', 'options, or false; got "off"'],
    ['csrf that is null', { csrf: null }, 'csrf', 'options, or false; got null'],
    [
      'a misspelt option of csrf',
      { csrf: { origin: ['https://app.example.com'] } },
      'csrf.origin',
      'origins and at; got "no such option"',
    ],
    ['csrf.at', { csrf: { at: 'guard' } }, 'csrf.at', "'request' or 'handler'; got \"guard\""],
    ['csrf.origins as text', { csrf: { origins: 'https://app.example.com' } }, 'csrf.origins', 'a list of origins'],
    ['an origin with a path', { csrf: { origins: ['https://app.example.com/'] } }, 'csrf.origins', ORIGINS],
    [
      'an origin without a scheme',
      { csrf: { origins: ['app.example.com'] } },
      'csrf.origins',
      `${ORIGINS}; got "app.example.com"`,
    ],
    ['the origin null', { csrf: { origins: ['null'] } }, 'csrf.origins', ORIGINS],
    ['a wildcard', { csrf: { origins: ['https://*.example.com'] } }, 'csrf.origins', ORIGINS],
    ['text', 'sid', 'options', 'an object of attributes, or a function that gives one at once; got "sid"'],
    ['null', null, 'options', 'an object of attributes'],
    ['a promise', Promise.resolve({}), 'options', 'an object of attributes'],
  ])('ASVS 3.3: fails at boot, with its name, what it takes and what came: %s', (_title, options, name, takes) => {
    expect(() => cookie(options as never)).toThrow(
      expect.objectContaining({
        name: 'SessionConfigError',
        code: 'INVALID_OPTION',
        message: expect.stringContaining(takes),
      }),
    );
    expect(() => cookie(options as never)).toThrow(`cookie ${name}: takes `);
  });

  it.each(['Secure', 'SameSite', 'httponly', 'PATH', 'Domain', 'Max-Age', 'Expires', 'Partitioned', 'Priority'])(
    'ASVS 3.3: extra can not take the place of %s',
    (name) => {
      for (const value of ['x', true] as const) {
        expect(() => cookie({ extra: { [name]: value } })).toThrow(
          'cookie extra: takes attributes that no other option',
        );
      }
    },
  );

  it('extra takes attributes whose names only look like known ones', () => {
    expect(() => cookie({ extra: { 'Cross-Path': 'x', Pathfinder: true } })).not.toThrow();
  });

  it('ASVS 3.3: a name that just fits into 4096 bytes with its value is taken', () => {
    expect(() => cookie({ name: 'n'.repeat(4053) })).not.toThrow();
  });
});
