import { backendOf } from '../backends.js';
import { PLATFORM_NAMES } from '../contenders.js';
import { SIZE } from '../session-data.js';
import { WORKLOADS } from '../workloads.js';
import { machineText, table } from './page.js';
import { peerRows } from './peers.js';
import { sizeRows } from './sizes.js';
import { resultRows, verdictRows } from './tables.js';

const NEGATIVE = 'On Express a difference may be negative: [README.md](README.md#negative-differences).';

/** What requests cost. */
export function requestSection(suite, { environment, options, lines, verdicts, sizes }) {
  const { rounds, requests, warmUp, connections } = options;
  return `## ${suite.title}

${WORKLOADS.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}

${targetSection(suite, verdicts)}${peerSection(suite, lines)}### Measured

Medians, with the quartiles in brackets, over ${rounds} rounds; µs of CPU time. Requests per second and the times till half (p50) and 99% (p99) of the answers came are side figures: they depend on the client too. ${NEGATIVE}

${table(resultRows(suite, lines))}

${sizeSection(suite, sizes)}### Settings

${suite.contenders.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}
- all: the same controller and Nest version, NODE_ENV=production, no logging, http on the loopback address, ${connections} keep-alive connections with a session each
- each slice: ${requests} requests, after ${warmUp} to warm up at the start of the run

### Machine

${machineText(environment, options)}
`;
}

function targetSection(suite, verdicts) {
  if (verdicts.length === 0) return '';
  return `### Targets

The server's CPU time for a request above bare Nest, session of ${SIZE} bytes, medians.

${table(verdictRows(suite, verdicts))}

"Within the spread": the limit lies between the quartiles of ours, so another run may say otherwise.

`;
}

function peerSection(suite, lines) {
  if (backendOf(suite) === undefined) return '';
  return `### Beside the peers

Ours of theirs, medians, session of ${SIZE} bytes. "Above bare" is the server's CPU time for a request above bare Nest.

${table(peerRows(suite, lines))}

`;
}

function sizeSection(suite, sizes) {
  if (sizes.length === 0) return '';
  return `### Bytes of a session in Redis

By \`MEMORY USAGE\`, which counts what Redis allots; in brackets the key and the value alone. Updates are one right after the other, within half a minute.

${table(sizeRows(suite, sizes))}

`;
}
