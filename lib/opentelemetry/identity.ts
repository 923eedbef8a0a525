/** The instrumentation scope of all spans and metrics: this package and its version. */
export const NAME = 'nestjs-token-session';
export const VERSION = '0.1.0';
