/**
 * The message of whatever was thrown. Stores and codecs of others may throw what has no text, or what fails
 * when it is looked at (F79).
 */
export function errorText(error: unknown): string {
  try {
    const { message } = (error ?? {}) as { message?: unknown };
    if (typeof message === 'string') return message;
    if (typeof error !== 'object' || error === null) return String(error);
  } catch {
    // It has none, then.
  }
  return 'an error without text';
}

/** What was thrown as an error, for what takes nothing else. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(errorText(error));
}

/** The class of whatever was thrown: of all that there is to tell, what quotes nothing. */
export function classOf(error: unknown): string {
  try {
    if (error === undefined || error === null) return String(error);
    if (typeof error !== 'object') return `a ${typeof error}`;
    const { name } = (Object.getPrototypeOf(error) as object).constructor;
    if (name !== '') return name;
  } catch {
    // It has none, then.
  }
  return 'an object';
}

/**
 * An error of the same name with this message, and only those fields that are named. All else stays behind: drivers
 * hang on their errors what was sent, which whoever inspects them would print.
 */
export function strippedError(error: unknown, message: string, fields: readonly string[]): Error {
  const given = (error ?? {}) as Record<string, unknown>;
  const stripped = new Error(message);
  const { name } = given;
  if (typeof name === 'string') Object.defineProperty(stripped, 'name', { value: name, configurable: true });
  for (const field of fields) {
    const value = given[field];
    if (typeof value === 'string' || typeof value === 'number') Object.assign(stripped, { [field]: value });
  }
  return stripped;
}
