import * as assert from '../assertions.js';
import { ID, type Rule } from './record-subject.js';

/** Well-formed text, for a payload is that: the session layer escapes what is not. */
const ODD_PAYLOADS: Record<string, string> = {
  nothing: '',
  'no data': '1\n',
  'a blank': ' ',
  'line breaks only': '\n\r\n\n',
  'line breaks at both ends': '\n1\n{}\n',
  'CRLF and CR': '1\r\n{"a":1}\r',
  'a NUL': '1\n{"a":"\u0000"}\u0000',
  'control characters': '\u0001\u0007\u001b[31m\u007f\u009b',
  'quotes and escapes': `1\n{"a":"\\"'\`\\\\\\u0000 $1 %s %2C \\n"}`,
  'characters of four bytes': '\u{1f600}\u{10ffff}\u{1f468}\u200d\u{1f469}',
  'two forms of one letter': '\u00e9 e\u0301',
  'a byte order mark': '\ufeff1\n{}',
  'line separators': 'a\u2028b\u2029c\u0085d',
  'a replacement character': '\ufffd\ufffe\uffff',
  'JSON of the same fields': '{"payload":"x","version":"x","userId":"x","startedAt":0}',
  'a record as Redis keeps it': '0mjuqz1c0 mjuqz1c0 12eio a5ds0 1-nonce,1700000000 "ada"\n1\n{"views":1}',
  'a statement': "'; DROP TABLE sessions; --",
  'a pattern': '%1 %a %% ^$()[]*+-?',
  'a prototype': '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}',
  'null': 'null', // prettier-ignore
  'keys that are not in order, and twice': '1\n{"b":1,"a":2,"10":3,"9":4,"a":5,"":6}',
  'numbers as they are written': '1\n[1.0,1e2,-0,0.10,12345678901234567890,1e400]',
  'blanks in JSON': '1\n{ "a" : [ 1 ,\t2 ] }\n',
  'keys of databases': '1\n{"$set":{"a.b":1},"_id":"x","__v":0,"sess":{},"expire":1}',
  'JSON that nests deep': `1\n${'[['.repeat(500)}${']]'.repeat(500)}`,
};

export function payloadRules(maxPayload: number): (rule: Rule) => void {
  return (rule) => {
    for (const [name, payload] of Object.entries(ODD_PAYLOADS)) comesBack(rule, name, payload);
    comesBack(rule, 'the largest', largest(maxPayload));
  };
}

/** Text that takes so many bytes in UTF-8, with one in the middle of a character of four. */
function largest(bytes: number): string {
  const part = 'x\u{1f600}"\n';
  const partBytes = Buffer.byteLength(part);
  // One more character is added to it.
  return part.repeat(Math.floor((bytes - 1) / partBytes)) + 'y'.repeat((bytes - 1) % partBytes);
}

function comesBack(rule: Rule, name: string, payload: string): void {
  rule(`D37: a payload comes back letter for letter: ${name}`, async (subject) => {
    const first = await subject.have({ payload });
    await subject.holds(first);
    const second = await subject.haveNext(first, { payload, userId: 'ada' });
    await subject.holds(second);
    await subject.touches(second, subject.clock.now());
    assert.deepEqual(
      await subject.store.update(ID, first, 'x'),
      { status: 'conflict', current: second },
      "update at another version than the one that is stored gives { status: 'conflict' } with the current record",
    );
    const third = await subject.haveNext(second, { payload: `${payload}.` });
    await subject.holds(third);
  });
}
