import { PLATFORM_NAMES } from '../contenders.js';
import { SIZE } from '../session-data.js';
import { SUITES } from '../suites.js';
import { WORKLOADS } from '../workloads.js';
import { sizeRows } from './sizes.js';
import { coresText } from './sentences.js';
import { resultRows, verdictRows } from './tables.js';

/** The results of all parts as a page. */
export function markdown(all) {
  return `# Results

Written by \`npm run bench\`; \`results.json\` has every slice. How it is measured: [README.md](README.md).

${WORKLOADS.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}

${SUITES.filter(({ name }) => name in all)
  .map((suite) => section(suite, all[suite.name]))
  .join('\n')}`;
}

function section(suite, { environment, options, lines, verdicts, sizes }) {
  const { date, cpu, cores, memoryGiB, system, node, loadBefore, versions } = environment;
  const { rounds, requests, warmUp, connections } = options;
  return `## ${suite.title}

### Targets

The server's CPU time for a request above bare Nest, session of ${SIZE} bytes, medians.

${table(verdictRows(suite, verdicts))}

"Within the spread": the limit lies between the quartiles of ours, so another run may say otherwise. On Express a difference may be negative: [README.md](README.md#negative-differences).

### Measured

Medians, with the quartiles in brackets, over ${rounds} rounds; µs of CPU time. Requests per second and the times till half (p50) and 99% (p99) of the answers came are side figures: they depend on the client too.

${table(resultRows(suite, lines))}

${sizeSection(suite, sizes)}### Settings

${suite.contenders.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}
- all: the same controller and Nest version, NODE_ENV=production, no logging, http on the loopback address, ${connections} keep-alive connections with a session each
- each slice: ${requests} requests, after ${warmUp} to warm up at the start of the run

### Machine

- ${date}; ${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; load before the run ${loadBefore}
- ${coresText(environment, options)}
${Object.entries(versions)
  .map(([name, version]) => `- ${name} ${version}`)
  .join('\n')}
`;
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
