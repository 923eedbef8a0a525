import ts from 'typescript';

/** What begins a test, a group of them, or a rule of the conformance suite. */
const BEGINNERS = new Set(['it', 'test', 'describe', 'rule', 'describeSessionStore']);
/** Where a title takes something from the row of a table. */
const PLACEHOLDER = /%[spdijof]|\$\w/;

/** The titles in the source of a spec; one that takes words from a table has the texts of that table behind it. */
export function titlesIn(source: string): string[] {
  if (![...BEGINNERS].some((name) => source.includes(`${name}(`) || source.includes(`${name}.`))) return [];
  const file = ts.createSourceFile('spec.ts', source, ts.ScriptTarget.Latest);
  const constants = new Map<string, ts.Expression>();
  const titles: string[] = [];
  visit(file, (node) => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
      constants.set(node.name.text, node.initializer);
    }
  });
  visit(file, (node) => {
    if (!ts.isCallExpression(node) || !BEGINNERS.has(rootOf(node.expression))) return;
    const [title] = node.arguments;
    if (title === undefined || !isText(title) || isTable(node.expression)) return;
    const own = textsIn(title, constants).join(' ');
    const table = ts.isCallExpression(node.expression) ? node.expression.arguments : [];
    const taken = PLACEHOLDER.test(own) ? table.flatMap((argument) => textsIn(argument, constants)) : [];
    titles.push([own, ...taken].join(' '));
  });
  return titles;
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  node.forEachChild((child) => {
    visit(child, look);
  });
}

/** `it` of `it.each(table)('title', …)` and of `(able ? it : other)('title', …)`. */
function rootOf(callee: ts.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text;
  if (ts.isConditionalExpression(callee)) return rootOf(callee.whenTrue);
  if (ts.isPropertyAccessExpression(callee) || ts.isCallExpression(callee) || ts.isParenthesizedExpression(callee)) {
    return rootOf(callee.expression);
  }
  return '';
}

/** `it.each`, whose call takes the table and no title. */
function isTable(callee: ts.Expression): boolean {
  return ts.isPropertyAccessExpression(callee) && callee.name.text === 'each';
}

function isText(node: ts.Expression): boolean {
  return !ts.isArrowFunction(node) && !ts.isFunctionExpression(node) && !ts.isObjectLiteralExpression(node);
}

/** All pieces of text in an expression, and in the constants of the file that it names. */
function textsIn(expression: ts.Node, constants: Map<string, ts.Expression>, seen = new Set<ts.Node>()): string[] {
  const texts: string[] = [];
  visit(expression, (node) => {
    if (
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) ||
      ts.isTemplateTail(node)
    ) {
      texts.push(node.text);
    }
    const constant = ts.isIdentifier(node) ? constants.get(node.text) : undefined;
    if (constant === undefined || seen.has(constant)) return;
    seen.add(constant);
    texts.push(...textsIn(constant, constants, seen));
  });
  return texts;
}
