import { hasMethods, invalid } from '../session.checks.js';
import { header } from './header.transport.js';
import type { SessionTransport, TransportRequest } from './session-transport.js';

/** Several transports, with the choice of the one that hands out a new session's token. */
export interface TransportPlan {
  /** What a request's token may come in. Explicit ones are looked at before cookies. */
  accept: readonly SessionTransport[];
  /** The transport of a new session's token for this request; it must be in `accept`. Default: the first. */
  issue?: ((request: TransportRequest) => SessionTransport) | undefined;
}

const TAKES = 'a transport such as header(), bearer() or cookie(), a list of them, or { accept, issue }';

/** The option `transport` in its full form. */
export function transportPlan(
  option: SessionTransport | readonly SessionTransport[] | TransportPlan | undefined,
): TransportPlan {
  if (option === undefined) return { accept: [header()] };
  const plan = isPlan(option) ? option : { accept: isList(option) ? option : [option], issue: undefined };
  if (!isList(plan.accept) || plan.accept.length === 0) invalid('transport', option, TAKES);
  for (const transport of plan.accept) {
    if (!hasMethods(transport, ['read', 'send', 'clear'])) invalid('transport', transport, TAKES);
    if (typeof transport.name !== 'string' || transport.name === '') {
      invalid('transport', transport.name, 'transports with a name');
    }
    if (typeof transport.vary !== 'string') {
      invalid('transport', transport.vary, `the request header that decides, in the vary of ${transport.name}`);
    }
  }
  const unknown = Object.keys(plan).find((key) => !['accept', 'issue'].includes(key));
  if (unknown !== undefined) invalid(`transport.${unknown}`, 'no such option', '{ accept, issue }');
  if (plan.issue !== undefined && typeof plan.issue !== 'function') {
    invalid('transport.issue', plan.issue, 'a function of the request that gives one of the accepted transports');
  }
  const names = plan.accept.map(({ name }) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) invalid('transport', twice, 'each transport once');
  return plan;
}

function isPlan(option: object): option is TransportPlan {
  return typeof option === 'object' && (option as object | null) !== null && 'accept' in option;
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
