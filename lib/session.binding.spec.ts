import fc from 'fast-check';
import { combined, type SessionBinding } from './session.binding.js';
import { clientAddress, userAgent } from './session.client.js';
import { resolveOptions } from './session.options.js';
import type { TransportRequest } from './transports/session-transport.js';

const nobody = {} as TransportRequest;

const requestFrom = (ip: unknown): TransportRequest =>
  ({ request: { ip }, raw: { socket: {}, headers: {} } }) as TransportRequest;

const networkOf = (ip: unknown): string | undefined => clientAddress(requestFrom(ip));

/** What came in from JavaScript, whatever the types say. */
const resolve = (binding: unknown): SessionBinding | undefined =>
  resolveOptions({ binding: binding as SessionBinding }).binding;

const refusal = (message: RegExp): Error =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }) as Error;

describe('the option binding', () => {
  it.each<[string, unknown, RegExp]>([
    ['null', null, /option binding: takes \{ of, onMismatch \}.* got null/],
    ['a function', userAgent, /option binding: .*got the function or class userAgent/],
    ['text', 'ip', /option binding: .*got 'ip'/],
    ['nothing to bind to', { onMismatch: 'report' }, /option binding\.of: takes a function of the request.*undefined/],
    ['a list', [userAgent], /option binding\.of: .*undefined/],
    ['text in place of a function', { of: 'ip', onMismatch: 'report' }, /option binding\.of: .*got 'ip'/],
    ['no onMismatch', { of: userAgent }, /option binding\.onMismatch: takes 'report' or 'refuse'; got undefined/],
    ['another onMismatch', { of: userAgent, onMismatch: 'destroy' }, /option binding\.onMismatch: .*'destroy'/],
  ])('refuses %s at boot, by name', (_what, binding, message) => {
    expect(() => resolve(binding)).toThrow(refusal(message));
  });

  it('is none by default', () => {
    expect(resolveOptions().binding).toBeUndefined();
  });

  it('takes an instance of a class, whose method goes on having its this', () => {
    class Tenant implements SessionBinding {
      readonly onMismatch = 'refuse';
      private readonly name = 'a tenant';
      of(): string {
        return this.name;
      }
    }
    expect(resolve(new Tenant())?.of(nobody)).toBe('a tenant');
  });

  it.each<[string, unknown[]]>([
    ['of nothing', []],
    ['of something else than functions', [userAgent, 'ip']],
    ['of a list', [[userAgent]]],
  ])('combined() %s is refused at once', (_what, parts) => {
    expect(() => combined(...(parts as SessionBinding['of'][]))).toThrow(refusal(/option binding\.of: .*at least one/));
  });
});

describe('combined()', () => {
  const text = fc.option(fc.string(), { nil: undefined });

  it('tells all texts apart, and what is missing from each of them', () => {
    const of = (values: (string | undefined)[]): string | undefined =>
      combined(...values.map((value) => () => value))(nobody);
    const values = fc.array(text, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(values, values, (some, others) => {
        const isNothing = some.every((value) => value === undefined);
        expect(of(some) === undefined).toBe(isNothing);
        const areSame = some.length === others.length && some.every((value, index) => value === others[index]);
        if (!isNothing) expect(of(some) === of(others)).toBe(areSame);
      }),
    );
    expect(of([undefined, 'a'])).not.toBe(of(['null', 'a']));
  });

  it.each<[string, unknown]>([
    ['a promise', Promise.resolve('x')],
    ['null', null],
    ['a number', 1],
  ])('does not hide that one of its parts gives %s', (_what, value) => {
    expect(combined(userAgent, () => value as string)(requestFrom('::1'))).toBe(value);
  });
});

describe('clientAddress', () => {
  const bytes = (length: number): fc.Arbitrary<number[]> =>
    fc.array(fc.nat(255), { minLength: length, maxLength: length });
  const ipv4 = bytes(4).map((parts) => parts.join('.'));
  const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff));
  const groups = (length: number): fc.Arbitrary<number[]> => fc.array(group, { minLength: length, maxLength: length });

  /** The ways in which RFC 4291 lets the same eight groups be written. */
  function waysToWrite(all: number[]): string[] {
    const hex = all.map((one) => one.toString(16));
    const dotted = all.slice(6).flatMap((one) => [one >> 8, one & 0xff]);
    const ways = [hex.join(':'), hex.map((one) => one.padStart(4, '0').toUpperCase()).join(':')];
    ways.push(`${hex.slice(0, 6).join(':')}:${dotted.join('.')}`, `${hex.join(':')}%eth0`);
    for (let from = 0; from < 8; from++) {
      for (let to = from + 1; to <= 8 && all[to - 1] === 0; to++) {
        ways.push(`${hex.slice(0, from).join(':')}::${hex.slice(to).join(':')}`);
        if (to <= 6) ways.push(`${hex.slice(0, from).join(':')}::${[...hex.slice(to, 6), dotted.join('.')].join(':')}`);
      }
    }
    return ways;
  }

  it('of IPv4 is the address, also where it is written as IPv6', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const mapped = waysToWrite([0, 0, 0, 0, 0, 0xffff, a * 256 + b, c * 256 + d]);
        expect(new Set([address, `::FFFF:${address}`, ...mapped].map(networkOf))).toEqual(new Set([address]));
      }),
    );
  });

  it('of IPv4 behind a NAT64 (RFC 6052) is the address: one /64 would be everybody', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const ways = waysToWrite([0x64, 0xff9b, 0, 0, 0, 0, a * 256 + b, c * 256 + d]);
        expect(new Set([`64:FF9B::${address}`, ...ways].map(networkOf))).toEqual(new Set([address]));
      }),
    );
  });

  it('of IPv4 as IPv6 had it first (RFC 4291, 2.5.5.1) is the address', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        // What begins with 0 is no address of a host; among these are :: and ::1, which IPv6 has for itself.
        fc.pre(!address.startsWith('0.'));
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const ways = waysToWrite([0, 0, 0, 0, 0, 0, a * 256 + b, c * 256 + d]);
        expect(new Set(ways.map(networkOf))).toEqual(new Set([address]));
      }),
    );
  });

  it('of IPv6 is the first 64 bits, however they are written and whatever follows', () => {
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), (network, host, later) => {
        // Among the others are those of IPv4.
        fc.pre(network.some((one) => one !== 0));
        const ways = [...waysToWrite([...network, ...host]), ...waysToWrite([...network, ...later])];
        const expected = `${network.map((one) => one.toString(16)).join(':')}::/64`;
        expect(new Set(ways.map(networkOf))).toEqual(new Set([expected]));
      }),
    );
  });

  it('tells two networks apart', () => {
    fc.assert(
      fc.property(groups(4), groups(4), groups(4), (network, other, host) => {
        fc.pre(network.join() !== other.join() && network.some(Boolean) && other.some(Boolean));
        expect(networkOf([...network, ...host].map((one) => one.toString(16)).join(':'))).not.toBe(
          networkOf([...other, ...host].map((one) => one.toString(16)).join(':')),
        );
      }),
    );
  });

  it.each([
    ['2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['::c000:207', '192.0.2.7'],
    ['::', '0:0:0:0::/64'],
    // None is IPv4 in IPv6 form: one group is not as it has to be.
    ['1::ffff:c000:207', '1:0:0:0::/64'],
    ['::1:c000:207', '0:0:0:0::/64'],
    ['64:ff9b::1:c000:207', '64:ff9b:0:0::/64'],
    ['64:ff9b:1::c000:207', '64:ff9b:1:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each([
    ['192.0.2.7:443'],
    ['[::1]'],
    ['unknown'],
    ['192.0.2.07'],
    ['192.0.2.1, 192.0.2.2'],
    [''],
    [undefined],
    [7],
  ])('of %p, which is no address, is nothing', (address) => {
    expect(networkOf(address)).toBeUndefined();
  });
});
