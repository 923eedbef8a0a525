import { backendOf } from '../backends.js';
import { lineOf } from '../summary.js';
import { millis, percent, spread, whole } from './format.js';
import { caseText, commandsText, foundText, targetText, verdictText } from './sentences.js';

/** What was measured: one row for each contender with each workload, the heading first. */
export function resultRows(suite, lines) {
  const columns = [
    ['', caseText],
    ['contender', ({ contender }) => suite.contenders.find(({ name }) => name === contender).label],
    ['µs above bare', ({ role, above }) => (role === 'bare' ? '' : spread(above))],
    ["of the peer's", (line) => ratioText(line, lineOf(lines, line.platform, line.workload, 'peer'))],
    ['µs a request', ({ cpu }) => spread(cpu)],
    ...backendColumns(suite),
    ['requests/s', ({ perSecond }) => whole(perSecond)],
    ['p50', ({ p50 }) => millis(p50.median)],
    ['p99', ({ p99 }) => millis(p99.median)],
    ['answers with a token', ({ tokens }) => percent(tokens)],
  ];
  return [columns.map(([heading]) => heading), ...lines.map((line) => columns.map(([, cell]) => cell(line)))];
}

function backendColumns(suite) {
  const backend = backendOf(suite);
  if (backend === undefined) return [];
  return [
    [`µs of ${backend.label}`, ({ backendCpu }) => (backendCpu === undefined ? '' : spread(backendCpu))],
    [backend.commands, ({ commands }) => (commands === undefined ? '' : commandsText(commands))],
  ];
}

/** What a contender adds to bare Nest as a part of what the peer adds; nothing where one adds nothing. */
function ratioText({ role, above }, peer) {
  const isCompared = role !== 'bare' && role !== 'peer' && above.median > 0 && peer.above.median > 0;
  return isCompared ? percent(above.median / peer.above.median) : '';
}

/** What the targets say of it, the heading first. */
export function verdictRows(suite, verdicts) {
  return [
    ['', 'target', 'measured', 'verdict'],
    ...verdicts.map((verdict) => [
      verdictCase(verdict),
      targetText(suite, verdict),
      foundText(verdict),
      verdictText(verdict),
    ]),
  ];
}

const verdictCase = (verdict) => `${caseText(verdict)}${verdict.role === 'near' ? ', near cache' : ''}`;
