import { BACKENDS } from '../backends.js';
import { PLATFORM_NAMES } from '../contenders.js';
import { inRole } from '../suites.js';
import { workloadNamed } from '../workloads.js';
import { micros } from './format.js';

/** What a target asks for. */
export function targetText(suite, { platform, part, limit }) {
  if (part === undefined) return `at most ${micros(limit)}`;
  return `at most ${partText(part)} of ${inRole(suite, platform, 'peer').label}`;
}

/** What was found. */
export function foundText({ part, above, reached, peer }) {
  if (part === undefined) return micros(above);
  return `${micros(above)} of ${micros(peer)}, ${reached > 0 ? `1/${reached.toFixed(1)}` : 'nothing measurable'}`;
}

/** Whether it is met, and by how much. */
export function verdictText({ met, clear, above, limit }) {
  const by = micros(Math.abs(limit - above));
  return `${met ? `met, ${by} to spare` : `MISSED by ${by}`}${clear ? '' : ' (within the spread)'}`;
}

export function caseText({ platform, workload }) {
  return `${PLATFORM_NAMES[platform]}, ${workloadNamed(workload).label}`;
}

/** Where server and client ran. */
export function coresText({ pinned, versions }, { apart, backendApart }) {
  if (!pinned) return 'not pinned to cores';
  const backend = Object.values(BACKENDS).find(({ server }) => server in versions)?.label;
  if (!apart && backendApart) return `server and client on one core, ${backend} on another`;
  if (!apart) return `${backend === undefined ? 'server and client' : `server, client and ${backend}`} on one core`;
  return `server and client on a core of their own each${backend === undefined ? '' : `, ${backend} on that of the client`}`;
}

/** The commands for a request, `1 GET, 1 EVALSHA`. */
export function commandsText(commands = {}) {
  const names = Object.entries(commands).map(([name, count]) => `${Number(count.toFixed(2))} ${name}`);
  return names.length === 0 ? 'none' : names.join(', ');
}

/** 4 is a quarter; 5/3 is 3/5. */
function partText(part) {
  const over = [1, 2, 3, 4].find((factor) => Math.abs(part * factor - Math.round(part * factor)) < 1e-6) ?? 1;
  return `${over}/${Number((part * over).toFixed(1))}`;
}
