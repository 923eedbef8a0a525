import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { header, MemoryStore, jsonCodec } from 'nestjs-token-session';
import {
  resolveOptions,
  SESSION_DEFAULTS,
  SESSION_OPTION_NAMES,
  type SessionOptions,
} from '../../lib/session.options.js';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The README's table of options: name → default, as they stand there, without the backticks around them. */
function optionsTable(): Map<string, string> {
  const lines = README.split('\n');
  const start = lines.findIndex((line) => /^\|\s*option\s*\|\s*default\s*\|/i.test(line));
  const rows = lines.slice(start + 2);
  const length = rows.findIndex((line) => !line.startsWith('|'));
  return new Map(
    rows.slice(0, length).map((row) => {
      const [name = '', value = ''] = row.split('|').slice(1, 3);
      return [bare(name), bare(value)];
    }),
  );
}

function bare(cell: string): string {
  return cell.trim().replace(/^`(.*)`$/, '$1');
}

/** A literal of the table as the value that a reader would give: `'30m'`, `65_536`. */
function literal(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.startsWith("'") ? text.slice(1, -1) : Number(text.replaceAll(/[_,]/g, ''));
}

describe("ASVS 7.1.1: the README's table of options", () => {
  const table = optionsTable();

  it('names every option, each once, and no other', () => {
    expect([...table.keys()].toSorted()).toEqual(SESSION_OPTION_NAMES.toSorted());
  });

  it.each(Object.entries(SESSION_DEFAULTS).filter(([name]) => name !== 'touchIntervalShare'))(
    'gives the default of %s: %p',
    (name, value) => {
      expect(literal(table.get(name) ?? '')).toBe(value);
    },
  );

  it('gives the touch interval as the share of the idle timeout that it is', () => {
    expect(table.get('touchInterval')).toBe('a tenth of `idleTimeout`');
    expect(SESSION_DEFAULTS.touchIntervalShare).toBe(1 / 10);
    expect(resolveOptions({ idleTimeout: 10_000 }).touchInterval).toBe(1_000);
  });

  it('gives values that mean the same as leaving the option out', () => {
    const options: SessionOptions = {};
    for (const name of Object.keys(SESSION_DEFAULTS)) {
      const text = table.get(name);
      if (text !== undefined) Object.assign(options, { [name]: literal(text) });
    }
    const { store, transports, readingOrder, logger, ...plain } = resolveOptions({});
    expect(resolveOptions(options)).toMatchObject(plain);
  });

  it('names the defaults that are not literals', () => {
    const defaults = resolveOptions();
    expect(table.get('store')).toBe('new MemoryStore()');
    expect(defaults.store).toBeInstanceOf(MemoryStore);
    expect(table.get('transport')).toBe('header()');
    expect(defaults.transports.map(({ name }) => name)).toEqual([header().name]);
    expect(table.get('codec')).toBe('jsonCodec');
    expect(defaults.codec).toBe(jsonCodec);
    expect(table.get('logger')).toBe("Nest's `Logger`");
    expect(defaults.logger.constructor.name).toBe('Logger');
    expect(table.get('clock')).toBe('Date.now');
    expect(defaults.clock).toBe(Date.now);
    expect(table.get('exclude')).toBe('none');
    expect(defaults.excludes).toBeUndefined();
  });
});
