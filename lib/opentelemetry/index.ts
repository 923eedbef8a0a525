export { SessionInstrumentation } from './session-instrumentation.js';
export type { SessionInstrumentationConfig } from './session-instrumentation.js';
