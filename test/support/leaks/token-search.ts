import { textsIn } from './texts-in.js';

/** Shorter parts of a token say less than an attacker can guess; from here on they are a leak (64^16 = 2^96). */
const PIECE = 16;
/** Where the pieces begin: the first and the last 16 characters, and any 24 in between, hold one whole. */
const STARTS = [0, 9, 18, 27];
const RUN = /[\w+/-]{16,}/g;
/** Specs that make a million tokens have to run in flat memory (H25): the oldest are forgotten. */
const KEPT = 8_192;
/** How much is shown of what stands before a token. */
const CONTEXT = 80;

/** A token, or a part of one, in an output. */
export interface Finding {
  /** How it is written there. */
  readonly form: string;
  /** What stands before it; other tokens and ids in it are cut. */
  readonly before: string;
}

/**
 * Finds tokens in outputs: whole, cut to 16 characters or more, percent-encoded, in base64, in hex, as bytes. Each
 * character is looked at once, however many tokens there are. Of very many it knows the 8,192 that were made last.
 */
export class TokenSearch {
  private readonly pieces = new Set<string>();
  private readonly tokens: string[] = [];
  private learnt = 0;

  /** @param token 43 characters of base64url */
  learn(token: string): void {
    const place = this.learnt++ % KEPT;
    const oldest = this.tokens[place];
    if (oldest !== undefined) this.forget(oldest);
    this.tokens[place] = token;
    for (const start of STARTS) this.pieces.add(token.slice(start, start + PIECE));
  }

  forget(token: string): void {
    for (const start of STARTS) this.pieces.delete(token.slice(start, start + PIECE));
  }

  /** The first token in an output, or undefined when there is none. */
  find(output: string | Uint8Array): Finding | undefined {
    if (this.pieces.size === 0) return undefined;
    for (const { form, text } of textsIn(output)) {
      const index = this.indexIn(text);
      if (index !== undefined) return { form, before: shortened(text.slice(0, index)) };
    }
    return undefined;
  }

  private indexIn(text: string): number | undefined {
    for (const { 0: found, index } of text.matchAll(RUN)) {
      const run = found.replaceAll('+', '-').replaceAll('/', '_');
      for (let at = 0; at + PIECE <= run.length; at++) {
        if (this.pieces.has(run.slice(at, at + PIECE))) return index + at;
      }
    }
    return undefined;
  }
}

/** The end of it, without anything that could be a secret. */
function shortened(text: string): string {
  return text.replace(RUN, (run) => `${run.slice(0, 4)}…`).slice(-CONTEXT);
}
