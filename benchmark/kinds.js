import { growthSection } from './report/growth-section.js';
import { requestSection } from './report/request-section.js';

/**
 * What parts of the benchmark there are: `file` exports `run(suite, options)`, which measures a part, prints what came
 * out and writes it down; `section` makes that a part of the page.
 *
 * @type {Record<string, { file: string, section: (suite: object, results: object) => string }>}
 */
export const KINDS = {
  requests: { file: './compare.js', section: requestSection },
  growth: { file: './growth/main.js', section: growthSection },
};
