import { hash } from 'node:crypto';

export interface PostgresStatement {
  readonly text: string;
  /**
   * The name that it is prepared under, once for each connection; undefined for what is seldom run. Made of the text: the
   * same name never stands for another statement, whatever version of the package prepared it.
   */
  readonly name?: string;
  /** Whether it changes something: when its answer is lost, it may have been carried out. */
  readonly changes: boolean;
}

export function reading(text: string): PostgresStatement {
  return { text, name: nameOf(text), changes: false };
}

export function changing(text: string): PostgresStatement {
  return { text, name: nameOf(text), changes: true };
}

/** A name between quotes, which any text may be (CVE-2019-15658: a table's name that was SQL). */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text between quotes, for places where no parameter can stand. */
export function literal(text: string): string {
  const escaped = text.replaceAll("'", "''");
  return text.includes('\\') ? ` E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`;
}

function nameOf(text: string): string {
  return `nts_${hash('sha256', text, 'base64url').slice(0, 22)}`;
}
