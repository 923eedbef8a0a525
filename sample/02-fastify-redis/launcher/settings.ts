export interface Settings {
  readonly processes: number;
  /** Of the first process; the others have the ports that follow. */
  readonly port: number;
  /** Undefined: the sample starts a Redis of its own. */
  readonly redisUrl: string | undefined;
}

/** @throws Error that names the variable and what it takes */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const processes = wholeNumber('PROCESSES', env.PROCESSES || '3', 1, 64);
  const port = wholeNumber('PORT', env.PORT || '3000', 1, 65_536 - processes);
  return { processes, port, redisUrl: env.REDIS_URL || undefined };
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${name} takes a whole number from ${min} to ${max}; got ${text}.`);
}
