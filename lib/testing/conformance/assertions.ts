import assert from 'node:assert/strict';

/** The assertions of node:assert that the rules need. Each says in words what should be so; the difference follows. */

export function equal(actual: unknown, expected: unknown, sentence: string): void {
  saying(sentence, () => {
    assert.equal(actual, expected);
  });
}

export function deepEqual(actual: unknown, expected: unknown, sentence: string): void {
  saying(sentence, () => {
    assert.deepEqual(actual, expected);
  });
}

export function ok(value: unknown, sentence: string): asserts value {
  assert.ok(value, sentence);
}

export function fail(sentence: string): never {
  assert.fail(sentence);
}

/** With a text of its own node:assert leaves out the difference, which some runners then show nowhere. */
function saying(sentence: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    const { message, actual, expected } = error as assert.AssertionError;
    // With the operator Jest would show the difference once more.
    throw new assert.AssertionError({
      message: `${sentence}\n\n${message}`,
      actual,
      expected,
      operator: 'fail',
      stackStartFn: saying,
    });
  }
}
