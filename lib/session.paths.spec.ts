import fc from 'fast-check';
import { pathMatcher } from './session.paths.js';

describe('pathMatcher', () => {
  const isBelowFoo = pathMatcher(['/foo']);

  it.each(['/foo', '/foo/', '/foo/bar', '/foo?x', '/foo#x', '//foo', '/foo//bar', '/./foo', '/%66oo'])(
    'P31: %s is below /foo',
    (url) => {
      expect(isBelowFoo(url)).toBe(true);
    },
  );

  it.each([
    ...['/', '', '?', '/fo', '/foobar', '/foo.', '/Foo', '/bar/foo', '/?/foo', '/#/foo', '*'],
    ...[
      '/foo%2Fbar',
      '/foo%2fbar',
      '/%2Ffoo',
      '/foo%5Cbar',
      '/foo/../bar',
      '/a/../foo',
      '/../foo',
      '/foo/%2e%2E/bar',
      '/foo%00',
      '/foo;x=1',
    ],
    // What does not decode is taken as it is, and never throws (H13).
    ...['/%', '/%E0%A4%A', '/foo%', '/%zzfoo'],
    // The form for proxies, which a server may be asked in too.
    ...['http://host/foo', 'http://foo/'],
  ])('P31: %s is not below /foo', (url) => {
    expect(isBelowFoo(url)).toBe(false);
  });

  it('the wanted paths are read in the same way', () => {
    const isBelow = pathMatcher(['/api/v%31/', '//health']);
    expect(['/api/v1/x', '/health'].map(isBelow)).toEqual([true, true]);
    expect(['/api', '/api/v2'].map(isBelow)).toEqual([false, false]);
  });

  it('a path that matches goes on matching with more segments, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (rest) => {
        expect(typeof isBelowFoo(rest)).toBe('boolean');
        const segment = encodeURIComponent(rest.replace(/[\ud800-\udfff]/gu, ''));
        if (segment !== '..') expect(isBelowFoo(`/foo/${segment}`)).toBe(true);
        expect(isBelowFoo(`/foo${segment}`)).toBe(segment === '');
      }),
    );
  });
});
