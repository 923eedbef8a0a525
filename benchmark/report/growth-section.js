import { backendOf } from '../backends.js';
import { GROWTH_WORKLOADS } from '../growth/workloads.js';
import { SIZE } from '../session-data.js';
import { whole } from './format.js';
import { requestRows, storageRows, sweepRows } from './growth.js';
import { machineText, table } from './page.js';

/** What more and more sessions do to requests. */
export function growthSection(suite, results) {
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
