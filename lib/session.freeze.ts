/**
 * Makes objects and arrays of data refuse changes, however deep they stand. Not what a codec may carry besides: Dates
 * can't be frozen, and typed arrays throw at it.
 */
export function freezeData(value: unknown): void {
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue;
    if (!Array.isArray(next) && Object.prototype.toString.call(next) !== '[object Object]') continue;
    for (const member of Object.values(Object.freeze(next) as Record<string, unknown>)) left.push(member);
  }
}
