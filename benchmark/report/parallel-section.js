import { KEYS } from '../parallel/keys.js';
import { raceRows, settingLines } from './parallel.js';
import { table } from './page.js';

/** What is left of a session whose requests met. */
export function parallelSection(suite, results) {
  const { environment, options } = results;
  const { date, system, node, versions } = environment;
  return `## ${suite.title}

- **changes kept**: ${KEYS.length} requests come at once, each of which changes another key of one session; how many of the changes a later request finds (median, minimum and maximum). Each of the ${KEYS.length} was answered with 201.
- **back after a logout**: a request has its session in its handler while another one destroys it; then it changes the session and is answered. In how many rounds the old token opens a session again, with the data that the logout had removed.

${options.rounds} rounds, each with new sessions. Handlers are held till all have their session, so that the race takes place in every round: this says what is lost when requests meet, not how often they do. Nothing is timed. One after the other, all contenders keep all changes and end the session for good; that is checked first.

${table(raceRows(suite, results))}

### Settings

${settingLines(suite)
  .map((line) => `- ${line}`)
  .join('\n')}

### Versions

- ${date}; ${system}; Node ${node}
${Object.entries(versions)
  .map(([name, version]) => `- ${name} ${version}`)
  .join('\n')}
`;
}
