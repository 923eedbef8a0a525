import { CONTENDERS, PLATFORM_NAMES } from '../contenders.js';
import { SIZE } from '../session-data.js';
import { WORKLOADS } from '../workloads.js';
import { coresText } from './sentences.js';
import { resultRows, verdictRows } from './tables.js';

/** The results as a page. */
export function markdown({ environment, options, lines, verdicts }) {
  const { date, cpu, cores, memoryGiB, system, node, loadBefore, versions } = environment;
  const { rounds, requests, warmUp, connections } = options;
  return `# Results

Written by \`npm run bench\`; \`results.json\` has every slice. How it is measured: [README.md](README.md).

## Targets

The server's CPU time for a request above bare Nest, session of ${SIZE} bytes, medians.

${table(verdictRows(verdicts))}

"Within the spread": the limit lies between the quartiles of ours, so another run may say otherwise.

## Measured

Medians, with the quartiles in brackets, over ${rounds} rounds; µs of the server's CPU time. Requests per second are a side figure: they depend on the client too.

${table(resultRows(lines))}

${WORKLOADS.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}

## Settings

${CONTENDERS.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}
- all: the same controller and Nest version, NODE_ENV=production, no logging, http on the loopback address, ${connections} keep-alive connections with a session each
- each slice: ${requests} requests, after ${warmUp} to warm up at the start of the run

## Machine

- ${date}; ${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; load before the run ${loadBefore}
- ${coresText(environment, options)}
${Object.entries(versions)
  .map(([name, version]) => `- ${name} ${version}`)
  .join('\n')}
`;
}

function table([heading, ...rows]) {
  return [heading, heading.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
