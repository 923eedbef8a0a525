import { backendOf } from '../backends.js';
import { PLATFORMS } from '../contenders.js';
import { inRole } from '../suites.js';
import { lineOf } from '../summary.js';
import { WORKLOADS } from '../workloads.js';
import { micros, millis, percent } from './format.js';
import { caseText, commandsText } from './sentences.js';

/** Ours beside the peer on the same platform, for parts with a backend; the heading first. */
export function peerRows(suite, lines) {
  const { label, commands } = backendOf(suite);
  return [
    ['', 'peer', 'µs above bare', `µs of ${label}`, 'p50', 'p99', commands],
    ...PLATFORMS.flatMap((platform) =>
      // Results of earlier versions do not have all.
      WORKLOADS.filter(({ name }) => lineOf(lines, platform, name, 'ours') !== undefined).map(({ name }) => {
        const [ours, peer] = ['ours', 'peer'].map((role) => lineOf(lines, platform, name, role));
        return [
          caseText(ours),
          inRole(suite, platform, 'peer').label,
          pair(ours, peer, ({ above }) => above.median, micros),
          pair(ours, peer, ({ backendCpu }) => backendCpu.median, micros),
          pair(ours, peer, ({ p50 }) => p50.median, millis),
          pair(ours, peer, ({ p99 }) => p99.median, millis),
          `${commandsText(ours.commands)}; peer ${commandsText(peer.commands)}`,
        ];
      }),
    ),
  ];
}

/** `20.0 µs of 80.0 µs, 25%`; without the part where one of them adds nothing. */
function pair(ours, peer, valueOf, text) {
  const [mine, theirs] = [ours, peer].map(valueOf);
  const part = mine > 0 && theirs > 0.5 ? `, ${percent(mine / theirs)}` : '';
  return `${text(mine)} of ${text(theirs)}${part}`;
}
