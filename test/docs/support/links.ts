import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** The text of a page without its code. */
function proseOf(markdown: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ');
  return markdown.replace(/^(`{3,})[^\n]*\n.*?^\1`*$/gms, blank).replace(/(`+)[^`].*?\1/g, blank);
}

/** The anchors that GitHub makes of headings: letters, digits, blanks as hyphens; of a second one alike `-1`. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const fenced = markdown.replace(/^(`{3,})[^\n]*\n.*?^\1`*$/gms, '');
  for (const [, heading = ''] of fenced.matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '').replaceAll(' ', '-');
    let [unique, count] = [anchor, 0];
    while (anchors.has(unique)) unique = `${anchor}-${String(++count)}`;
    anchors.add(unique);
  }
  for (const [, id = ''] of fenced.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** Where the links of a page lead, as they are written, with their lines. */
export function linksOf(markdown: string): { target: string; line: number }[] {
  const prose = proseOf(markdown);
  return [...prose.matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)].map(({ index, 1: target = '' }) => ({
    target,
    line: prose.slice(0, index).split('\n').length,
  }));
}

/** What is wrong with the links of a page within the repository: `docs/a.md:7: b.md#c has no such heading`. */
export function brokenLinksOf(root: string, page: string, markdown = readFileSync(join(root, page), 'utf8')): string[] {
  return linksOf(markdown).flatMap(({ target, line }) => {
    const wrong = faultOf(root, page, target, markdown);
    return wrong === undefined ? [] : [`${page}:${String(line)}: ${target} ${wrong}`];
  });
}

function faultOf(root: string, page: string, target: string, markdown: string): string | undefined {
  if (/^(?:https?|mailto):/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (relative(root, join(root, file)).startsWith('..')) return 'leads out of the repository';
  if (path !== '' && !existsSync(join(root, file))) return 'does not exist';
  if (anchor === undefined) return undefined;
  const there = path === '' ? markdown : readFileSync(join(root, file), 'utf8');
  return anchorsOf(there).has(anchor) ? undefined : 'has no such heading';
}
