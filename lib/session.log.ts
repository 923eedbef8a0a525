import { quietly } from './event-stream.js';

/** What log lines go to: Nest's `Logger`, log4js, pino and console all fit. */
export interface SessionLogger {
  /** For what somebody should look at. */
  warn(message: string): unknown;
  /** For what somebody has to mend. */
  error(message: string): unknown;
}

/** One log line of a kind per this time, in ms; the next one says how many were left out. */
const LOG_INTERVAL = 60_000;

/** Of how many kinds the log remembers the last line; what varies beyond that has one line together. */
const MAX_KINDS = 100;

/** The longest text of one value, in characters: a store may quote a whole statement in its error. */
const MAX_VALUE = 1_000;

/** What a log shows as it is; everything else is put in quotes. */
const PLAIN = /^[\w.:/@+-]+$/;

/** Line breaks, escape codes of terminals, bidirectional and invisible marks, halves of characters. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Writes log lines, at most one of a kind a minute. Whatever goes wrong with that harms nobody. */
export class SessionLog {
  private readonly kinds = new Map<string, { at: number; suppressed: number }>();

  constructor(
    private readonly logger: SessionLogger,
    private readonly now: () => number,
  ) {}

  /**
   * @param event what the line is about; its type comes first
   * @param variant tells apart what must not hide each other although it is of one type
   */
  write(level: keyof SessionLogger, event: { readonly type: string }, variant?: string): void {
    const now = this.now();
    const kind = this.kindOf(event.type, variant, now);
    const last = this.kinds.get(kind);
    if (last !== undefined && isRecent(last.at, now)) {
      last.suppressed++;
      return;
    }
    this.kinds.set(kind, { at: now, suppressed: 0 });
    quietly(() => {
      const repeated = last?.suppressed ? ` (${String(last.suppressed)} more since the last line)` : '';
      return this.logger[level](`${lineOf(event)}${repeated}`);
    });
  }

  private kindOf(type: string, variant: string | undefined, now: number): string {
    if (variant === undefined) return type;
    const kind = `${type} ${variant.slice(0, MAX_VALUE)}`;
    if (this.kinds.size < MAX_KINDS || this.kinds.has(kind)) return kind;
    for (const [old, { at, suppressed }] of this.kinds) {
      if (suppressed === 0 && !isRecent(at, now)) this.kinds.delete(old);
    }
    return this.kinds.size < MAX_KINDS ? kind : type;
  }
}

/** A clock that was put back must not silence the log. */
function isRecent(at: number, now: number): boolean {
  return Math.abs(now - at) < LOG_INTERVAL;
}

/**
 * One line of fields as log processors read them: `type id=… reason="…"`. No value can look like another field, and
 * none can end the line or steer a terminal (ASVS 16.4.1).
 */
function lineOf({ type, ...fields }: { readonly type: string }): string {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [type, ...told.map(([name, value]) => `${name}=${shown(String(value))}`)].join(' ');
}

function shown(value: string): string {
  return value.length <= MAX_VALUE && PLAIN.test(value) ? value : `"${escaped(value)}"`;
}

function escaped(value: string): string {
  let text = '';
  for (const char of value) {
    const next = char === '"' || char === '\\' ? `\\${char}` : UNSAFE.test(char) ? codeOf(char) : char;
    if (text.length + next.length > MAX_VALUE) return `${text}…`;
    text += next;
  }
  return text;
}

/** As JSON and JavaScript write it, so that a log processor gives back what it was. */
function codeOf(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
