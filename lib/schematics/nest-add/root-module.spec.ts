import { withModuleImport } from './root-module.js';

const ELEMENT = 'SessionModule.forRoot()';
const IMPORTS = [{ names: ['SessionModule'], from: 'nestjs-token-session' }];

function added(metadata: string, before = "import { Module } from '@nestjs/common';\n"): string | undefined {
  return withModuleImport(`${before}\n@Module(${metadata})\nexport class AppModule {}\n`, ELEMENT, IMPORTS);
}

describe('the root module of an application', () => {
  it.each([
    ['an empty list', '{ imports: [], controllers: [] }', '{ imports: [SessionModule.forRoot()], controllers: [] }'],
    ['a list in a line', '{ imports: [A, B] }', '{ imports: [SessionModule.forRoot(), A, B] }'],
    [
      'a list of lines',
      '{\n  imports: [\n    A.forRoot({ imports: [] }),\n    B,\n  ],\n}',
      '{\n  imports: [\n    SessionModule.forRoot(),\n    A.forRoot({ imports: [] }),\n    B,\n  ],\n}',
    ],
    [
      'a comment ahead of the first',
      '{\n  imports: [\n    // [first]\n    A,\n  ],\n}',
      '{\n  imports: [\n    // [first]\n    SessionModule.forRoot(),\n    A,\n  ],\n}',
    ],
    ['no list', '{ controllers: [C] }', '{\n  imports: [SessionModule.forRoot()], controllers: [C] }'],
    ['nothing', '{}', '{\n  imports: [SessionModule.forRoot()],}'],
    [
      'the word elsewhere',
      "{ providers: ['imports: ['] }",
      "{\n  imports: [SessionModule.forRoot()], providers: ['imports: ['] }",
    ],
  ])('gets its element ahead of the others, with %s', (_name, metadata, expected) => {
    expect(added(metadata)).toContain(`@Module(${expected})`);
  });

  it('gets the import behind its own ones', () => {
    expect(added('{}', "import a from 'a';\nimport {\n  b,\n} from 'b'; // last\nconst c = 1;\n")).toMatch(
      /^import a from 'a';\nimport \{\n {2}b,\n\} from 'b';\nimport \{ SessionModule \} from 'nestjs-token-session'; \/\/ last\nconst c = 1;\n/,
    );
    expect(added('{}', '')).toMatch(/^import \{ SessionModule \} from 'nestjs-token-session';\n\n@Module/);
  });

  it.each([
    ['metadata that are not there', 'metadata'],
    ['metadata without an argument', ''],
    ['a list that is not there', '{ imports: IMPORTS }'],
    ['a short form', '{ imports }'],
  ])('is left alone with %s', (_name, metadata) => {
    expect(added(metadata)).toBeUndefined();
  });

  it('is left alone when there is none', () => {
    expect(withModuleImport('export const a = 1;\n', ELEMENT, IMPORTS)).toBeUndefined();
    expect(withModuleImport('@Injectable() export class A {}', ELEMENT, IMPORTS)).toBeUndefined();
  });
});
