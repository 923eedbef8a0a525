import { PLATFORM_NAMES, PLATFORMS } from '../contenders.js';
import { inRole } from '../suites.js';
import { whole } from './format.js';

/** What a session takes in Redis, ours beside the peer's on the same platform; the heading first. */
export function sizeRows(suite, sizes) {
  const cases = sizes.filter(({ contender }) => contender === sizes[0].contender);
  return [
    ['', 'data', 'session', 'ours', 'peer', 'verdict'],
    ...PLATFORMS.flatMap((platform) => {
      const [ours, peer] = ['ours', 'peer'].map((role) => inRole(suite, platform, role));
      return cases.map(({ data, updates }) => {
        const of = ({ name }) =>
          sizes.find((size) => size.contender === name && size.data === data && size.updates === updates);
        const by = of(ours).used - of(peer).used;
        const verdict = by <= 0 ? `met, ${whole(-by)} less` : `MISSED by ${whole(by)}`;
        const place = `${PLATFORM_NAMES[platform]}, ${peer.label}`;
        return [place, `${whole(data)} bytes`, updatesText(updates), bytes(of(ours)), bytes(of(peer)), verdict];
      });
    }),
  ];
}

const bytes = ({ used, text }) => `${whole(used)} (${whole(text)})`;

function updatesText(count) {
  if (count === 0) return 'created';
  return count === 1 ? 'updated once' : `updated ${whole(count)} times`;
}
