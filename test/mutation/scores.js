import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/run.js';
import { fileOf, reportOf } from './plan.js';

/** What became of the mutants of a file. A mutant that never ends counts as killed, one that no test runs as survived. */
export function scoreOf(target) {
  const file = fileOf(target);
  const { mutants } = JSON.parse(readFileSync(join(root, `${reportOf(target)}.json`), 'utf8')).files[file];
  const having = (...states) => mutants.filter(({ status }) => states.includes(status)).length;
  return { file, killed: having('Killed', 'Timeout'), survived: having('Survived', 'NoCoverage') };
}

/** The scores in Markdown. */
export function table(scores) {
  const sum = (key) => scores.reduce((total, score) => total + score[key], 0);
  const total = { file: 'together', killed: sum('killed'), survived: sum('survived') };
  const rows = [...scores, total].map(({ file, killed, survived }) => {
    const share = killed + survived === 0 ? '–' : `${((100 * killed) / (killed + survived)).toFixed(1)} %`;
    return `| ${[file, killed + survived, killed, survived, share].join(' | ')} |`;
  });
  return ['| file | mutants | killed | survived | score |', '| --- | --: | --: | --: | --: |', ...rows].join('\n');
}
