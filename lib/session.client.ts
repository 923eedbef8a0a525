import { isIP, isIPv4 } from 'node:net';
import type { SessionDevice } from './session.identity.js';
import type { TransportRequest } from './transports/session-transport.js';

/** What has a client's words and address. */
type ClientRequest = Pick<TransportRequest, 'raw' | 'request'>;

const MAX_USER_AGENT = 512;

/** What can be told of the client's device. */
export function deviceOf(request: ClientRequest): SessionDevice {
  const address = addressOf(request);
  const agent = userAgent(request)?.slice(0, MAX_USER_AGENT);
  return { ...(address !== undefined && { address }), ...(agent !== undefined && { userAgent: agent }) };
}

/**
 * The `User-Agent` header, all of it; for the option `binding`. Changes with each update of the
 * browser, and whoever stole a token may have it, too.
 */
export function userAgent({ raw }: ClientRequest): string | undefined {
  return raw.headers['user-agent'];
}

/**
 * The network of the client's address, for the option `binding`: an IPv4 address, or the first 64
 * bits of an IPv6 address, as devices change the rest by themselves (RFC 8981). An IPv4 address in
 * IPv6 form, mapped or behind a NAT64 (RFC 6052), is the IPv4 address. It is the address as the
 * framework sees it, with the proxies that it trusts; undefined where that is none.
 */
export function clientAddress(request: ClientRequest): string | undefined {
  const address = addressOf(request);
  return address === undefined ? undefined : networkOf(address);
}

/** The framework knows the client's address by the proxies that it trusts, which hand on what they were sent: anything. */
function addressOf({ raw, request }: ClientRequest): string | undefined {
  const address: unknown = (request as { ip?: string }).ip ?? raw.socket.remoteAddress;
  return typeof address === 'string' && isIP(address) !== 0 ? address : undefined;
}

/** What stands before an IPv4 address in IPv6 form: mapped (RFC 4291), behind a NAT64 (RFC 6052). */
const BEFORE_IPV4 = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'];

/** As RFC 4291 once had it, and with this also `::` and `::1`. */
const ZEROS = '0:0:0:0:0:0';

/** One way to write each network. A server that listens on IPv6 sees IPv4 addresses in IPv6 form: not one /64. */
function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const groups = groupsOf(address);
  const [high = 0, low = 0] = groups.slice(6);
  const hex = groups.map((group) => group.toString(16));
  const prefix = hex.slice(0, 6).join(':');
  // No host has an address that begins with 0.
  const isIPv4Inside = BEFORE_IPV4.includes(prefix) || (prefix === ZEROS && high > 0xff);
  if (isIPv4Inside) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  return `${hex.slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [unzoned = ''] = address.split('%');
  const [before = [], after = []] = unzoned.split('::').map(groupsIn);
  const omitted = 8 - before.length - after.length;
  return [...before, ...new Array<number>(omitted).fill(0), ...after];
}

function groupsIn(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return Number.parseInt(group, 16);
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
