import { CONTENDERS } from '../contenders.js';
import { percent, spread, whole } from './format.js';
import { caseText, foundText, targetText, verdictText } from './sentences.js';

const LABELS = Object.fromEntries(CONTENDERS.map(({ name, label }) => [name, label]));

/** What was measured: one row for each contender with each workload, the heading first. */
export function resultRows(lines) {
  return [
    ['', 'contender', 'µs above bare', 'µs a request', 'requests/s', 'answers with a token'],
    ...lines.map((line) => [
      caseText(line),
      LABELS[line.contender],
      line.role === 'bare' ? '' : spread(line.above),
      spread(line.cpu),
      whole(line.perSecond),
      percent(line.tokens),
    ]),
  ];
}

/** What the targets say of it, the heading first. */
export function verdictRows(verdicts) {
  return [
    ['', 'target', 'measured', 'verdict'],
    ...verdicts.map((verdict) => [caseText(verdict), targetText(verdict), foundText(verdict), verdictText(verdict)]),
  ];
}
