import { jest } from '@jest/globals';

// A server that starts, or a standby that catches up, takes seconds.
jest.setTimeout(60_000);
