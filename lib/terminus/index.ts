export { SessionHealthIndicator } from './session-health.indicator.js';
export type { SessionPingOptions } from './session-health.indicator.js';
