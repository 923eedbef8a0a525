// npm run docs: the API reference, from the doc comments. Fails on an export without a comment, and on a broken link.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './prepare.js';
import { root, say } from './run.js';

const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Where each entry point is written, and the name by which users import it. */
const entries = Object.entries(exports)
  .filter(([, target]) => target.import !== undefined)
  .map(([path, target]) => ({
    source: join(root, target.import.types.replace('./dist/esm/', 'lib/').replace('.d.ts', '.ts')),
    module: name + path.slice(1),
  }));
/** What libraries of others have, as far as it is used: their documentation says what its members are. */
const OF_OTHERS = new Set([
  ...['NodeRedisClient', 'IoRedisClient', 'PostgresPool', 'PostgresClient', 'PostgresQuery', 'PostgresResult'],
  ...['SqliteDatabase', 'SqliteStatement', 'ExpressStore', 'KeyvClient', 'TestRunner'],
]);
/** What every error of JavaScript has. The codes of ours are explained where they are listed. */
const INHERITED = new Set(['name', 'code']);

const missing = entries.filter(({ source }) => !existsSync(source));
for (const { module, source } of missing) console.error(`${module} is in package.json, and ${source} is not there.`);

await install();
const { Application, Converter, ReflectionKind, TSConfigReader, TypeDocReader } = await import('typedoc');
const { Module, ClassOrInterface, Function, Variable, TypeAlias, Property, Method, Accessor } = ReflectionKind;

const OWNERS = Module | ClassOrInterface;
const DOCUMENTED = ClassOrInterface | Function | Variable | TypeAlias | Property | Method | Accessor;

const app = await Application.bootstrap({ options: root, entryPoints: entries.map(({ source }) => source) }, [
  new TypeDocReader(),
  new TSConfigReader(),
]);
app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
  if (!reflection.kindOf(Module)) return;
  const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
  const entry = entries.find((one) => one.source === file);
  if (entry !== undefined) reflection.name = entry.module;
});

const project = await app.convert();
if (project !== undefined) {
  app.validate(project);
  // TypeDoc would ask for comments in types of other libraries and in unnamed objects, too.
  for (const reflection of project.getReflectionsByKind(DOCUMENTED)) {
    const { parent } = reflection;
    const isOurs = parent?.kindOf(OWNERS) === true && !OF_OTHERS.has(parent.name) && !INHERITED.has(reflection.name);
    const commented = [reflection, reflection.getSignature, ...(reflection.signatures ?? [])];
    if (isOurs && !commented.some((one) => one?.hasComment() === true))
      app.logger.validationWarning(`${reflection.getFullName()} has no comment`);
  }
}
const { errorCount, warningCount, validationWarningCount } = app.logger;
if (project === undefined || missing.length > 0 || errorCount + warningCount + validationWarningCount > 0) {
  console.error('The API reference was not written. Each export needs a comment, and each link a target.');
  process.exit(1);
}
await app.generateOutputs(project);
say(`the API reference is in ${join(app.options.getValue('out'), 'index.html')}`);
