import { mergeVary, type HeaderChanges } from './answer-headers.js';
import { isPromise } from '../stores/awaitable.js';
import type { AnswerOwner } from './held-answer.js';

/**
 * Several owners of one answer: it leaves when all are done, and says what all have to say. What fails
 * of one neither stops the others nor takes back what they have done.
 */
export class JointOwner implements AnswerOwner {
  /** Whose fault it is that the answer is dropped. */
  private atFault: AnswerOwner | undefined;
  /** Those who can say what they have to say. */
  private speakers: readonly AnswerOwner[];

  /** @param owners in the order in which they came */
  constructor(readonly owners: readonly AnswerOwner[]) {
    this.speakers = owners;
  }

  beforeAnswer(status: number): void | Promise<void> {
    const outcomes = this.owners.map((owner) => outcomeOf(owner, status));
    const settled = outcomes.filter(isSettled);
    if (settled.length < outcomes.length) {
      return Promise.all(outcomes.map((outcome) => Promise.resolve(outcome))).then((all) => {
        this.raise(all);
      });
    }
    this.raise(settled);
  }

  checkOvertaken(): void {
    for (const owner of this.owners) owner.checkOvertaken();
  }

  overtaken(): void {
    for (const owner of this.owners) owner.overtaken();
  }

  headersToAdd(): HeaderChanges {
    const said: HeaderChanges[] = [];
    const outcomes = this.speakers.map((owner): Outcome => {
      try {
        said.push(owner.headersToAdd());
      } catch (error) {
        return { owner, error };
      }
    });
    // It is asked once more for the error's answer: what the others have to say goes out with that.
    this.speakers = this.speakers.filter((_, at) => outcomes[at] === undefined);
    this.raise(outcomes);
    return {
      vary: said.reduce((vary, changes) => mergeVary(vary, changes.vary) ?? '', ''),
      set: new Map(said.flatMap(({ set }) => [...set])),
      cookies: said.flatMap(({ cookies }) => cookies),
    };
  }

  answerInstead(error: unknown): void {
    (this.atFault ?? this.owners[0])?.answerInstead(error);
  }

  /** When several have failed, what the first of them has to say. */
  private raise(outcomes: readonly Outcome[]): void {
    const fault = outcomes.find((outcome) => outcome !== undefined);
    if (fault === undefined) return;
    this.atFault = fault.owner;
    throw fault.error;
  }
}

/** What went wrong for an owner, if so. */
type Outcome = { readonly owner: AnswerOwner; readonly error: unknown } | undefined;

function outcomeOf(owner: AnswerOwner, status: number): Outcome | Promise<Outcome> {
  const failed = (error: unknown): Outcome => ({ owner, error });
  try {
    return owner.beforeAnswer(status)?.then(() => undefined, failed);
  } catch (error) {
    return failed(error);
  }
}

function isSettled(outcome: Outcome | Promise<Outcome>): outcome is Outcome {
  return !isPromise(outcome);
}
