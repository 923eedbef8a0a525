import { PLATFORM_NAMES } from '../contenders.js';
import { CASES, CROWD_WORKLOADS, JUDGED } from '../crowd/cases.js';
import { crowdTables, crowdVerdictRows } from './crowd.js';
import { machineText, table } from './page.js';

/** What more clients and larger sessions do to requests. */
export function crowdSection(suite, results) {
  const { environment, options } = results;
  const { connections } = CASES.find(({ name }) => name === JUDGED);
  return `## ${suite.title}

${CROWD_WORKLOADS.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}

### Target

With ${connections} connections the p99 of ours is at most that of each peer with the same store; medians.

${table(crowdVerdictRows(suite, results))}

"Within the spread": the peer's median lies between the quartiles of ours, so another run may say otherwise.

### Measured

µs of the server's CPU time for a request above bare Nest with the quartiles in brackets, requests per second, p50, p99; medians over ${options.rounds} rounds of ${options.requests} requests. Sessions of 65,536 bytes have a quarter of the requests. "bare Nest + GET" has values of 400 bytes only.

${crowdTables(suite, results)
  .map(({ title, rows }) => `${title}:\n\n${table(rows)}`)
  .join('\n\n')}

### Settings

${suite.contenders.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}
- all: http on the loopback address, keep-alive connections with a session each

### Machine

${machineText(environment, options)}
`;
}
