import { jest } from '@jest/globals';

// Only Mercurius' IDE uses it, which is off in these tests, and it requires an ES module: Jest can't before Node 24.9.
jest.mock('@fastify/static', () => undefined);

export const { MercuriusDriver } = await import('@nestjs/mercurius');
