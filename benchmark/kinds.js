import { crowdSection } from './report/crowd-section.js';
import { growthSection } from './report/growth-section.js';
import { parallelSection } from './report/parallel-section.js';
import { heapSection } from './report/heap-section.js';
import { requestSection } from './report/request-section.js';
import { unknownSection } from './report/unknown-section.js';

/**
 * What parts of the benchmark there are: `file` exports `run(suite, options)`, which measures a part, prints what came
 * out and writes it down; `section` makes that a part of the page.
 *
 * @type {Record<string, { file: string, section: (suite: object, results: object) => string }>}
 */
export const KINDS = {
  requests: { file: './compare.js', section: requestSection },
  growth: { file: './growth/main.js', section: growthSection },
  parallel: { file: './parallel/main.js', section: parallelSection },
  unknown: { file: './unknown/main.js', section: unknownSection },
  heap: { file: './heap/main.js', section: heapSection },
  crowd: { file: './crowd/main.js', section: crowdSection },
};
