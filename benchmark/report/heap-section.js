import { PLATFORM_NAMES } from '../contenders.js';
import { ALLOCATING } from '../heap/allocation.js';
import { whole } from './format.js';
import { allocationRows, heapVerdictRows, millionRows, storeRows } from './heap.js';
import { machineText, table } from './page.js';

/** What sessions in memory take, and what comes of many. */
export function heapSection(suite, results) {
  const { environment, options } = results;
  const { stores, million, allocation, connections } = options;
  return `## ${suite.title}

### Targets

${table(heapVerdictRows(suite, results))}

### Heap of a session

What the heap grew by with ${whole(stores.sessions)} new sessions, each stored by a request to its session layer, after garbage was collected. @fastify/session keeps live objects, among them the request that stored the session last.

${table(storeRows(suite, results))}

### A full store

On Express; ${million.sweeps} times ${whole(million.ended)} of the sessions have ended and are swept as the timer of the session layer does it, while ${million.perSecond} requests a second come, half of them reads and half writes. Updates come right after each other, without requests.

${table(millionRows(results))}

### Made by a request

Bytes that a request makes on the heap, nearly all of them garbage soon after, with the quartiles in brackets; medians over ${allocation.rounds} rounds of ${allocation.requests} requests on ${connections} connections.

${ALLOCATING.map(({ label, meaning }) => `- **${label}**: ${meaning}`).join('\n')}

${table(allocationRows(suite, results))}

### Settings

${suite.contenders.map(({ label, platform, settings }) => `- ${label}, ${PLATFORM_NAMES[platform]}: ${settings}`).join('\n')}

### Machine

${machineText(environment, options)}
`;
}
