import { A, ALL, B, C, FREE, HOUR, MINUTE, type Rule } from './user-subject.js';

/** How long entries are there. */
export function lifetimeRules(rule: Rule): void {
  rule('an entry that nobody settles is there until its lifetime has passed', async (subject) => {
    await subject.accepts(A, FREE, MINUTE);
    subject.clock.advance(MINUTE - 1);
    await subject.lists(A);
    subject.clock.advance(1);
    await subject.lists();
    await subject.doesNotSettle(A);
    await subject.revokes(ALL, []);
    await subject.accepts(A);
  });

  rule('settling gives a new lifetime, from then on', async (subject) => {
    await subject.accepts(A, FREE, MINUTE);
    subject.clock.advance(MINUTE - 1);
    await subject.settles(A, HOUR);
    subject.clock.advance(HOUR - 1);
    await subject.lists(A);
    subject.clock.advance(1);
    await subject.lists();
    await subject.revokes(ALL, []);
  });

  rule('a revoked entry is kept until its lifetime has passed', async (subject) => {
    await subject.have(A);
    await subject.revokes(ALL, [A]);
    subject.clock.advance(HOUR - 1);
    await subject.revokes(ALL, [A]);
    subject.clock.advance(1);
    await subject.revokes(ALL, []);
  });

  rule('each entry has its own lifetime', async (subject) => {
    await subject.accepts(A, FREE, MINUTE);
    await subject.accepts(B, FREE, 3 * MINUTE);
    subject.clock.advance(2 * MINUTE);
    await subject.accepts(C, FREE, MINUTE);
    await subject.lists(B, C);
    subject.clock.advance(MINUTE);
    await subject.lists();
  });
}
