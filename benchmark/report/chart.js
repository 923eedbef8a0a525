import { PLATFORM_NAMES, PLATFORMS } from '../contenders.js';
import { inRole, SUITES } from '../suites.js';
import { lineOf } from '../summary.js';
import { workloadNamed } from '../workloads.js';

/** What the chart shows of each part that has targets. */
const SHOWN = ['read', 'write'];
const BARS = [
  { role: 'bare', color: '#9aa4b1' },
  { role: 'ours', color: '#1f77d0' },
  { role: 'peer', color: '#d9822b' },
];

const WIDTH = 860;
const LEFT = 300;
const RIGHT = 70;
const BAR = 15;
const GROUP_GAP = 16;
const TOP = 62;
const FOOT = 46;

/**
 * The CPU time of requests as a chart (SVG). It stands on white, so that it can be read on dark pages too.
 *
 * @param {Record<string, object>} all results by part
 */
export function chart(all) {
  const groups = SUITES.filter(({ name, targets = [] }) => targets.length > 0 && name in all).flatMap((suite) =>
    PLATFORMS.flatMap((platform) => SHOWN.map((workload) => groupOf(suite, all[suite.name], platform, workload))),
  );
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ micros }) => micros)));
  const scale = (WIDTH - LEFT - RIGHT) / most;
  let top = TOP;
  const body = groups.map((group) => {
    const drawn = groupText(group, top, scale);
    top += group.bars.length * BAR + GROUP_GAP;
    return drawn;
  });
  const height = top + FOOT - GROUP_GAP;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="CPU time of the server for a request, by session layer">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="600" fill="#1c2733">CPU time of the server for a request, in µs: less is better</text>
<text x="16" y="45" fill="#5a6673">Session of 400 bytes; medians of interleaved rounds. The grey bar is the application without any session layer.</text>
${body.join('\n')}
<text x="16" y="${height - 16}" fill="#5a6673">${footText(all)}</text>
</svg>
`;
}

function groupOf(suite, { lines }, platform, workload) {
  const bars = BARS.map(({ role, color }) => {
    const { cpu } = lineOf(lines, platform, workload, role);
    return { color, micros: cpu.median, label: inRole(suite, platform, role).label };
  });
  const place = suite.title.charAt(0).toLowerCase() + suite.title.slice(1);
  return { title: `${PLATFORM_NAMES[platform]}, ${place}, ${workloadNamed(workload).label}`, bars };
}

function groupText({ title, bars }, top, scale) {
  const rows = bars.map(({ color, micros, label }, index) => {
    const y = top + index * BAR;
    const width = (micros * scale).toFixed(1);
    return `<text x="${LEFT - 8}" y="${y + 11}" text-anchor="end" fill="#1c2733">${label}</text>
<rect x="${LEFT}" y="${y + 1}" width="${width}" height="${BAR - 3}" rx="2" fill="${color}"/>
<text x="${(LEFT + micros * scale + 6).toFixed(1)}" y="${y + 11}" fill="#1c2733">${Math.round(micros)}</text>`;
  });
  return `<text x="16" y="${top + 11}" font-weight="600" fill="#1c2733">${title}</text>\n${rows.join('\n')}`;
}

function footText(all) {
  const [{ environment }] = Object.values(all);
  const { date, cpu, cores, node } = environment;
  return `${date}; ${cpu}, ${cores} cores, Node ${node}. Made by npm run bench; benchmark/results.md has all numbers.`;
}
