import { parseArgs } from 'node:util';

/** How much is measured. A quick run shows that everything works; its numbers mean little. */
const FULL = { rounds: 15, requests: 4_000, warmUp: 12_000 };
const QUICK = { rounds: 3, requests: 1_000, warmUp: 2_000 };

/** How many connections, each with a session of its own: enough that the server never runs out of work. */
const CONNECTIONS = 16;

/** The parts that can be named; suites.js says what they are. */
const SUITE_NAMES = ['memory', 'redis', 'postgres', 'postgres-million', 'parallel', 'unknown', 'heap', 'crowd'];

/** @param {string[]} args of the command line */
export function readOptions(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      requests: { type: 'string' },
      quick: { type: 'boolean', default: false },
      apart: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => !SUITE_NAMES.includes(name));
  if (unknown !== undefined) throw new Error(`There is no part ${unknown}; there are ${SUITE_NAMES.join(', ')}.`);
  const given = {};
  if (values.rounds !== undefined) given.rounds = count('rounds', values.rounds);
  // Each connection sends as many.
  if (values.requests !== undefined) {
    given.requests = Math.ceil(count('requests', values.requests) / CONNECTIONS) * CONNECTIONS;
  }
  const { rounds, requests, warmUp } = values.quick ? QUICK : FULL;
  return {
    suites: positionals.length === 0 ? SUITE_NAMES : positionals,
    quick: values.quick,
    apart: values.apart,
    connections: CONNECTIONS,
    rounds,
    requests,
    warmUp,
    ...given,
    // A part may have other defaults.
    given,
  };
}

function count(name, text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new Error(`--${name} takes a whole number of at least 1, got ${text}.`);
  }
  return number;
}
