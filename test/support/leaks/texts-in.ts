/** A text, and how it was written in the output. */
export interface WrittenText {
  readonly form: string;
  readonly text: string;
}

const PERCENT = /%([0-9a-f]{2})/gi;
/** Long enough for 16 characters of a token. */
const BASE64 = /[\w+/-]{22,}/g;
const HEX = /(?:[0-9a-f]{2}[ ,:]?){12,}/gi;
const NUMBERS = /(?:\d{1,3},\s*){11,}\d{1,3}/g;

/** What can be read in an output: itself, and what it holds in other encodings. */
export function* textsIn(output: string | Uint8Array): Generator<WrittenText> {
  if (typeof output !== 'string') {
    yield* textsOf('bytes', Buffer.from(output.buffer, output.byteOffset, output.byteLength));
    return;
  }
  yield { form: 'as it is', text: output };
  if (output.includes('%')) {
    const decoded = output.replace(PERCENT, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
    yield { form: 'percent-encoded', text: decoded };
  }
  for (const [run] of output.matchAll(BASE64)) {
    // Four characters are three bytes, and what stands before may have any length.
    for (let start = 0; start < 4; start++) {
      yield { form: 'base64', text: Buffer.from(run.slice(start), 'base64').toString('latin1') };
    }
  }
  for (const [run] of output.matchAll(HEX)) {
    yield* textsOf('hex', Buffer.from(run.replace(/[ ,:]/g, ''), 'hex'));
  }
  for (const [run] of output.matchAll(NUMBERS)) {
    yield* textsOf('a list of bytes', Buffer.from(run.split(',').map(Number)));
  }
}

/** Bytes may be the text of a token, or the 32 that it stands for, at any place. */
function* textsOf(form: string, bytes: Buffer): Generator<WrittenText> {
  yield { form, text: bytes.toString('latin1') };
  for (let start = 0; start < 3; start++) yield { form, text: bytes.subarray(start).toString('base64url') };
}
