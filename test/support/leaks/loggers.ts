import type { LoggerService } from '@nestjs/common';
import type { SessionLogger } from 'nestjs-token-session';
import { watch } from './realm.js';

/** Nest's lines at all levels: prints nothing, but the leak check hears it. */
export const NEST_LOGGER: LoggerService = {
  fatal: (...line: unknown[]) => watch.hear('Nest Logger.fatal', ...line),
  error: (...line: unknown[]) => watch.hear('Nest Logger.error', ...line),
  warn: (...line: unknown[]) => watch.hear('Nest Logger.warn', ...line),
  log: (...line: unknown[]) => watch.hear('Nest Logger.log', ...line),
  debug: (...line: unknown[]) => watch.hear('Nest Logger.debug', ...line),
  verbose: (...line: unknown[]) => watch.hear('Nest Logger.verbose', ...line),
};

/** The lines of the session layer: prints nothing, but the leak check hears it. */
export const SILENT: SessionLogger = {
  warn: (line) => watch.hear('the session logger, warn', line),
  error: (line) => watch.hear('the session logger, error', line),
};

/** The logger of a spec, whose lines the leak check hears too. */
export function heard(logger: SessionLogger): SessionLogger {
  const { warn, error } = Object(logger) as Partial<SessionLogger>;
  // What is no logger has to be refused as it is.
  if (typeof warn !== 'function' || typeof error !== 'function') return logger;
  return {
    warn: (line) => [SILENT.warn(line), logger.warn(line)],
    error: (line) => [SILENT.error(line), logger.error(line)],
  };
}
