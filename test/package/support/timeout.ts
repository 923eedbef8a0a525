import { jest } from '@jest/globals';

// These specs install, compile, start and remove whole applications. Jest takes no `testTimeout` per project.
jest.setTimeout(300_000);
