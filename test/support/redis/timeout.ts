import { jest } from '@jest/globals';

// A failover, or a cluster that finds itself, takes seconds.
jest.setTimeout(60_000);
