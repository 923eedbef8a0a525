import { backendOf } from '../backends.js';
import { PLATFORM_NAMES } from '../contenders.js';
import { GROWTH_WORKLOADS } from '../growth/workloads.js';
import { SIZE } from '../session-data.js';
import { SUITES } from '../suites.js';
import { WORKLOADS } from '../workloads.js';
import { millis, whole } from './format.js';
import { requestRows, storageRows, sweepRows } from './growth.js';
import { peerRows } from './peers.js';
import { sizeRows } from './sizes.js';
import { coresText } from './sentences.js';
import { resultRows, verdictRows } from './tables.js';

const NEGATIVE = 'On Express a difference may be negative: [README.md](README.md#negative-differences).';

/** The results of all parts as a page. */
export function markdown(all) {
  return `# Results

Written by \`npm run bench\`; \`results.json\` has every slice. How it is measured: [README.md](README.md).

${WORKLOADS.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}

${SUITES.filter(({ name }) => name in all)
  .map((suite) => section(suite, all[suite.name]))
  .join('\n')}`;
}

function section(suite, results) {
  return suite.kind === 'growth' ? growthSection(suite, results) : requestSection(suite, results);
}

function requestSection(suite, { environment, options, lines, verdicts, sizes }) {
  const { rounds, requests, warmUp, connections } = options;
  return `## ${suite.title}

${suite.targets.length === 0 ? peerSection(suite, lines) : targetSection(suite, verdicts)}

### Measured

Medians, with the quartiles in brackets, over ${rounds} rounds; µs of CPU time. Requests per second and the times till half (p50) and 99% (p99) of the answers came are side figures: they depend on the client too.

${table(resultRows(suite, lines))}

${sizeSection(suite, sizes)}### Settings

${suite.contenders.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}
- all: the same controller and Nest version, NODE_ENV=production, no logging, http on the loopback address, ${connections} keep-alive connections with a session each
- each slice: ${requests} requests, after ${warmUp} to warm up at the start of the run

### Machine

${machineText(environment, options)}
`;
}

function machineText(environment, options) {
  const { date, cpu, cores, memoryGiB, system, node, loadBefore, syncMs, versions } = environment;
  return [
    `${date}; ${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; load before the run ${loadBefore}`,
    coresText(environment, options),
    ...(syncMs === undefined ? [] : [`the disk takes ${millis(syncMs)} for a write and fdatasync of 8 KB`]),
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
  ]
    .map((line) => `- ${line}`)
    .join('\n');
}

function growthSection(suite, results) {
  const { environment, options } = results;
  const { rounds, requests, connections, sweep } = options;
  const backend = backendOf(suite).label;
  return `## ${suite.title}

All on Express, with sessions of ${SIZE} bytes that are picked at random.

${GROWTH_WORKLOADS.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}
- **count**: \`SessionService.count()\`, which goes through all sessions

### Requests

µs of CPU time of the server (with Express and Nest) + of ${backend} for a request, p50 and p99; medians over ${rounds} rounds of ${requests} requests on ${connections} connections. Growth is from the first to the last column.

${table(requestRows(suite, results))}

### Storage

Bytes as the sessions were filled in; "grew by the requests" is what table and indexes have become larger by at the end, by the sessions of new logins and by what updates left behind; those of MemoryStore are what the heap grew by, the index of users in it, and with SqliteStore everything is in one file. A HOT update changes no index.

${table(storageRows(suite, results))}

### Sweeps

${sweep.sweeps} times ${whole(sweep.ended)} ended sessions are removed from among ${whole(options.sizes.at(-1))} living ones, while ${sweep.perSecond} requests a second come, half of them reads and half writes. connect-pg-simple removes them with one \`DELETE\`.

${table(sweepRows(suite, results))}

### Settings

${suite.contenders.map(({ label, settings }) => `- ${label}: ${settings}`).join('\n')}

### Machine

${machineText(environment, options)}
`;
}

function targetSection(suite, verdicts) {
  return `### Targets

The server's CPU time for a request above bare Nest, session of ${SIZE} bytes, medians.

${table(verdictRows(suite, verdicts))}

"Within the spread": the limit lies between the quartiles of ours, so another run may say otherwise. ${NEGATIVE}`;
}

function peerSection(suite, lines) {
  return `### Beside the peers

Ours of theirs, medians, session of ${SIZE} bytes; no target is set. "Above bare" is the server's CPU time for a request above bare Nest. ${NEGATIVE}

${table(peerRows(suite, lines))}`;
}

function sizeSection(suite, sizes) {
  if (sizes.length === 0) return '';
  return `### Bytes of a session in Redis

By \`MEMORY USAGE\`, which counts what Redis allots; in brackets the key and the value alone. Updates are one right after the other, within half a minute.

${table(sizeRows(suite, sizes))}

`;
}

function table([heading, ...rows]) {
  return [heading, heading.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
