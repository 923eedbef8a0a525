import { BACKENDS } from '../backends.js';
import { PLATFORM_NAMES } from '../contenders.js';
import { KEYS } from '../parallel/keys.js';
import { lateStatus } from '../parallel/races.js';
import { spreadOf } from '../statistics.js';
import { columns } from './format.js';

/** What is left of requests that met; the heading first. */
export function raceRows({ contenders }, { races }) {
  return [
    ['', 'sessions in', 'contender', 'changes kept', 'back after a logout', 'the late change is answered with'],
    ...races.map(({ contender, survived, back }) => {
      const one = contenders.find(({ name }) => name === contender);
      return [
        PLATFORM_NAMES[one.platform],
        placeOf(one),
        one.label,
        keptText(survived),
        `${back.filter(Boolean).length} of ${back.length}`,
        String(lateStatus(one)),
      ];
    }),
  ];
}

/** Prints the results. */
export function showRaces(suite, results) {
  const { node, loadBefore } = results.environment;
  console.log(`\n${suite.title}: ${results.options.rounds} rounds, Node ${node}; load before the run ${loadBefore}`);
  for (const line of settingLines(suite)) console.log(line);
  console.log(`\n${columns(raceRows(suite, results)).join('\n')}`);
}

/** What differs from the defaults, for each contender. */
export const settingLines = ({ contenders }) =>
  contenders.map((one) => `${one.label}, ${PLATFORM_NAMES[one.platform]}, ${placeOf(one)}: ${one.settings}`);

const placeOf = ({ backend }) => BACKENDS[backend]?.label ?? 'memory';

function keptText(survived) {
  const { median } = spreadOf(survived);
  return `${median} of ${KEYS.length} (${Math.min(...survived)} to ${Math.max(...survived)})`;
}
