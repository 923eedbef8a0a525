import { KINDS } from '../kinds.js';
import { SUITES } from '../suites.js';

/** The results of all parts as a page. */
export function markdown(all) {
  return `# Results

Written by \`npm run bench\`; \`results.json\` has every slice. How it is measured: [README.md](README.md).

${SUITES.filter(({ name }) => name in all)
  .map((suite) => KINDS[suite.kind].section(suite, all[suite.name]))
  .join('\n')}`;
}
