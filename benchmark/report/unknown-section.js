import { PLATFORM_NAMES } from '../contenders.js';
import { whole } from './format.js';
import { machineText, table } from './page.js';
import { resultRows } from './tables.js';
import { leftRows } from './unknown.js';

/** What tokens cost that no session has. */
export function unknownSection(suite, results) {
  const { environment, options, lines } = results;
  const { rounds, requests, warmUp, connections, flood } = options;
  return `## ${suite.title}

Each request carries a token of its own, as the session layer makes them, which no session has; the cookies of the peers are signed with the server's secret.

- **unused**: the handler does not use the session
- **read**: the handler reads one value of the session, which is not there

### Requests

Medians, with the quartiles in brackets, over ${rounds} rounds; µs of CPU time. @fastify/session tells the client in each answer to drop its cookie: those are its answers with a token. On Express a difference may be negative: [README.md](README.md#negative-differences).

${table(resultRows(suite, lines))}

### What is left of them

After ${whole(flood)} requests of each workload, each with a token of its own: by how much the heap grew, garbage collected before and after, and how many sessions the store holds that the application has not stored. A heap grows and shrinks by some hundred KiB by itself, as bare Nest shows.

${table(leftRows(suite, results))}

### Settings

${suite.contenders.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}
- all: the same controller and Nest version, NODE_ENV=production, no logging, http on the loopback address, ${connections} keep-alive connections
- each slice: ${requests} requests, after ${warmUp} to warm up at the start of the run

### Machine

${machineText(environment, options)}
`;
}
